"""API keys: their text, the file that has their hashes, what verifies them."""
