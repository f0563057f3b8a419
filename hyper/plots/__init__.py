"""Numbers to figures, one file a subject."""
