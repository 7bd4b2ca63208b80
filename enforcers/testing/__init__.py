"""Public test doubles: a decision point in memory, for whoever builds an enforcer."""
