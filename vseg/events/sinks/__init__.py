"""Where scene events go: one protocol, and a file for each kind of receiver."""
