"""The decision point over HTTP: raw ASGI, so that a decision costs little more than Cedar's part of it."""
