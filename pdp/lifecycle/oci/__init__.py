"""OCI registries: a client of the distribution specification 1.1, a channel and an archive on it."""
