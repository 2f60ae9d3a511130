"""The HTTP service and the annotator."""
