"""Enforcers: what stands before a tool and forwards only what was allowed."""
