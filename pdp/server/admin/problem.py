"""Problems as answers (RFC 9457)."""

from http import HTTPStatus
from typing import Any, Final

import msgspec

from pdp.server.exchange import Answer, Headers

PROBLEM_JSON: Final = b"application/problem+json"


def problem(status: int, detail: str, *, code: str, headers: Headers = ()) -> Answer:
    """An answer that says what is wrong, in words and as a code."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
    }
    return Answer(status, msgspec.json.encode(body), PROBLEM_JSON, headers)
