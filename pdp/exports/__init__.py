"""Places outside the log that hold its checkpoints."""
