"""`catalog.yaml`: what its owners know of servers and tools, by name or glob."""
