"""What changed in a definition and on a server since it was approved, in words. Pure."""
