"""What drivers say, for messages."""


def cause(error: BaseException | None) -> str:
    """What a driver's `error` says in one line, without the values that PostgreSQL adds to it."""
    primary = getattr(getattr(error, "diag", None), "message_primary", None)
    lines = str(primary or error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
