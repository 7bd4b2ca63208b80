"""E-mail addresses (RFC 5321): one form of each, and nothing that could end a header."""

import re
from typing import Final

import idna

from pdp.core.contract.errors import Refused
from pdp.core.contract.reason_code import ReasonCode

MAX_ADDRESS: Final = 254
MAX_LOCAL_PART: Final = 64

_LOCAL_PART: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_DOMAIN: Final = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]")


def normalised(text: str) -> str:
    """The address in `text` in the one form that accounts are known by: lower case, the domain in ASCII.

    Raises:
        Refused: `request_invalid`: it is no address, is quoted, or has characters outside ASCII before the `@`.

    """
    local, _, domain = text.rpartition("@")
    if not _LOCAL_PART.fullmatch(local) or len(local) > MAX_LOCAL_PART or len(text) > MAX_ADDRESS:
        raise _invalid()
    try:
        ascii_domain = idna.encode(domain, uts46=True, std3_rules=True).decode("ascii").lower()
    except (idna.IDNAError, UnicodeError) as error:
        raise _invalid() from error
    address = f"{local.lower()}@{ascii_domain}"
    if not _DOMAIN.fullmatch(ascii_domain) or len(address) > MAX_ADDRESS:
        raise _invalid()
    return address


def _invalid() -> Refused:
    text = "this is no e-mail address that an account can have"
    return Refused(ReasonCode.REQUEST_INVALID, text, caller_text=text)
