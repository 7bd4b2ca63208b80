"""Digests over canonical content."""

import hashlib
from typing import Any

from pdp.core.contract.exact_json import canonical


def digest(value: Any) -> str:
    """`sha256:` and 64 hex digits over the canonical JSON of `value`."""
    return digest_of(canonical(value))


def digest_of(content: bytes) -> str:
    """`sha256:` and 64 hex digits over `content`, the canonical JSON of a value."""
    return "sha256:" + hashlib.sha256(content).hexdigest()
