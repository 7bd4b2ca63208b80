"""The codes that mails carry: unguessable, kept as their digests only."""

import base64
import hashlib
import re
from typing import Final

CODE_BYTES: Final = 20

_CODE: Final = re.compile(r"[a-z2-7]{32}")


def new_code(randomness: bytes) -> str:
    """A code of `randomness`, which is 20 bytes, in four groups of eight."""
    text = base64.b32encode(randomness[:CODE_BYTES]).decode("ascii").lower()
    return "-".join(text[start : start + 8] for start in range(0, len(text), 8))


def code_digest(code: str) -> str:
    """The digest that `code` is kept by; spaces, hyphens and case do not matter. What is no code gets one too."""
    plain = re.sub(r"[\s-]", "", code[:64]).lower()
    return hashlib.sha256((plain if _CODE.fullmatch(plain) else "").encode()).hexdigest()
