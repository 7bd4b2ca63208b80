"""Which passwords an account may have (NIST SP 800-63B, section 5.1.1.2: long rather than strange)."""

import unicodedata
from typing import Final

from pdp.core.contract.errors import Refused
from pdp.core.contract.reason_code import ReasonCode

MIN_LENGTH: Final = 12
MAX_LENGTH: Final = 256
MIN_DIFFERENT: Final = 5

_MIN_TELLING: Final = 4


def prepared(password: str) -> str:
    """`password` in the form that is hashed: NFC (RFC 8265, section 4.2), so that keyboards do not matter."""
    return unicodedata.normalize("NFC", password)


def check_password(password: str, *, email: str) -> None:
    """Return when the account of `email` may have `password`, which is prepared.

    Raises:
        Refused: `request_invalid`, and the text says what is wrong, never the password.

    """
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        raise _weak(f"a password has {MIN_LENGTH} to {MAX_LENGTH} characters")
    if len(set(password)) < MIN_DIFFERENT:
        raise _weak(f"a password has at least {MIN_DIFFERENT} different characters")
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in password):
        raise _weak("a password has no control characters")
    folded = password.casefold()
    local, _, domain = email.partition("@")
    parts = [part for part in (email, local, domain.partition(".")[0]) if len(part) >= _MIN_TELLING]
    if any(part in folded for part in parts):
        raise _weak("a password does not contain the e-mail address or a part of it")


def _weak(text: str) -> Refused:
    return Refused(ReasonCode.REQUEST_INVALID, text, caller_text=text)
