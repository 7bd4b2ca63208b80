"""Proof of possession: whether who presents a token is the one it is bound to (RFC 9449, RFC 8705)."""
