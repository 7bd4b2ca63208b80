"""The gateway's pages for credentials of our own: local accounts, and the exchange of assertions."""
