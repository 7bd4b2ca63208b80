"""What every process that listens shares: addresses, sockets, bounded HTTP, its own log."""
