"""Words or an image in, the things that are meant out: boxes or masks on a frame.
`stages.Grounder`.
"""
