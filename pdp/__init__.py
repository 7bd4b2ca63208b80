"""The policy decision point: everything that decides, publishes and proves."""
