"""Many clips: a list of jobs in, a run directory and a manifest for each out.

`job_list` reads the list, `planning` gives every job its id, `schedule` decides which is next
and what becomes of one that failed, an engine (`local_engine`) has workers do them, and
`run_clip` is what every worker does.
"""
