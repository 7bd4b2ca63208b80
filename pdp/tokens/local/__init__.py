"""Issuers and credentials of our own: what this product signs or keeps itself."""
