"""Names and texts as people see them: what is hidden in them, and which are taken for each other."""
