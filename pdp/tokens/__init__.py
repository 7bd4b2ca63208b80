"""Token verification: whose token it is, whether it is genuine, and for whom it is meant (IO)."""
