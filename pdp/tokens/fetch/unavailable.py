"""The errors of this room: something of an issuer's cannot be had now."""

from pdp.core.contract.errors import ToolgateError


class UnavailableError(ToolgateError):
    """What was asked for cannot be had; the message names host and cause, never content, query or credential."""


class StatusError(UnavailableError):
    """The server answered, but with another HTTP status than success."""

    def __init__(self, host: str, status: int) -> None:
        self.status = status
        super().__init__(f"`{host}` answered with status {status}")
