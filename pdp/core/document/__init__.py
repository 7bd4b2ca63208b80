"""YAML that means one thing, with the place of every value. Pure."""
