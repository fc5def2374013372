"""Market data at rest: the history file, what goes in, and the samples."""
