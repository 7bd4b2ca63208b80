"""Revocations: kept in a database of their own, numbered without a gap, held in memory by whoever decides."""
