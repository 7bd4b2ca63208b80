"""A tool's JSON Schema: validators that no schema runs away with, and the shapes that policies see."""
