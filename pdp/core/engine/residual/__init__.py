"""Decisions with the arguments unknown: which tools a principal may see."""
