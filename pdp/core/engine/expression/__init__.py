"""What a Cedar expression is made of and what it means. Pure, and free of policies and requests."""
