"""Digests over canonical content."""

import hashlib
import re
from typing import Any, Final

from pdp.core.contract.exact_json import canonical

_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")


def digest(value: Any) -> str:
    """`sha256:` and 64 hex digits over the canonical JSON of `value`."""
    return digest_of(canonical(value))


def digest_of(content: bytes) -> str:
    """`sha256:` and 64 hex digits over `content`, the canonical JSON of a value."""
    return "sha256:" + hashlib.sha256(content).hexdigest()


def is_digest(text: str) -> bool:
    """Whether `text` can be the digest of something."""
    return _DIGEST.fullmatch(text) is not None
