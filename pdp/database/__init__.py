"""SQL databases as every store here opens them."""
