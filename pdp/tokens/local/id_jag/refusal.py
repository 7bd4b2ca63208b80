"""Why a token is not given (RFC 6749, section 5.2; RFC 8707, section 2)."""

from enum import StrEnum

from pdp.core.contract.errors import ToolgateError


class GrantErrorCode(StrEnum):
    """The codes that clients read."""

    INVALID_REQUEST = "invalid_request"
    INVALID_CLIENT = "invalid_client"
    INVALID_GRANT = "invalid_grant"
    UNSUPPORTED_GRANT_TYPE = "unsupported_grant_type"
    INVALID_SCOPE = "invalid_scope"
    INVALID_TARGET = "invalid_target"
    TEMPORARILY_UNAVAILABLE = "temporarily_unavailable"
    SLOW_DOWN = "slow_down"


class GrantError(ToolgateError):
    """No token is given; `code` and `text` go to the client, `detail` to the log. None holds a secret or a claim."""

    def __init__(self, code: GrantErrorCode, text: str, *, detail: str | None = None) -> None:
        self.code = code
        self.text = text
        self.detail = detail or text
        super().__init__(f"{code}: {self.detail}")


def bad_grant(detail: str) -> GrantError:
    """An `invalid_grant`: clients learn that the assertion will not do, the log why."""
    return GrantError(GrantErrorCode.INVALID_GRANT, "the assertion is not accepted", detail=detail)
