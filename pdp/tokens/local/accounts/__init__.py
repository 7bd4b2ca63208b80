"""Local accounts by e-mail: invited, verified by a code, with a password of their own."""
