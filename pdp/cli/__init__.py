"""The command `toolgate` and the verbs of the decision point."""
