"""The annotator behind its socket: one clip open, prompts, edits, review."""
