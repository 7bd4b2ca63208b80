"""How policies come into force: sources, serials, activation."""
