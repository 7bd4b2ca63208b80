"""The enforcers' verbs of `toolgate`."""
