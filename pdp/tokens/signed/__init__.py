"""Signed tokens (JWT): their form, their keys, and whether one is genuine, current and meant for us."""
