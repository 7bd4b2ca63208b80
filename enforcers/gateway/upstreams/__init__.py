"""Servers behind the gateway: one port, one peer, a channel for each transport."""
