"""Jobs: a clip, prompts and settings in, a run directory and an outcome out.

`job` holds the values, `prepare` looks up and checks, `run` carries out, `previews` draws.
"""
