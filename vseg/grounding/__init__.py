"""Words or a picture in, the things that are meant out: boxes or masks on a frame.  `stages.Grounder`."""
