"""Tamper evidence: signed checkpoints over the records, proofs of single records, and what verifies both."""
