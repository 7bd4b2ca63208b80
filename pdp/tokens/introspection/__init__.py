"""Opaque tokens: what their issuer says of them when asked (RFC 7662)."""
