"""Ed25519 keys with which anybody can sign (RFC 8032, section 5.1.7)."""

from typing import Final

# Ed25519's field and curve (RFC 8032, section 5.1).
_P: Final = 2**255 - 19
_D: Final = -121665 * pow(121666, -1, _P) % _P


def is_weak(raw: bytes) -> bool:
    """Whether the public key of these 32 bytes is of low order, so that anybody can make signatures that match."""
    # Points of order 1, 2 and 4 have y = 1, -1 and 0, those of order 8 solve dy^4 + 2y^2 = 1.
    y = int.from_bytes(raw, "little") & (1 << 255) - 1
    return y >= _P or y in {0, 1, _P - 1} or (_D * pow(y, 4, _P) + 2 * y * y - 1) % _P == 0
