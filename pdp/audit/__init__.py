"""The decision log: taking records for good, and answering questions from them."""
