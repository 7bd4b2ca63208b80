"""What is wrong with policies beyond their syntax: one module a kind of problem."""
