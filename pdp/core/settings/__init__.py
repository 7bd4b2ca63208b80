"""`toolgate.yaml`: one file, one model, read the same way by every process. Pure: text and environment come in."""
