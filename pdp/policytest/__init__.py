"""Policy tests: cases in YAML, decided as an enforcer would have them decided."""
