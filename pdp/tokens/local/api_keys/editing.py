"""What operators do with API keys: make, rotate, revoke."""

from collections.abc import Sequence

import msgspec

from pdp.core.contract.errors import UnusableError
from pdp.core.contract.identifier import rfc3339
from pdp.tokens.local.api_keys.entry import KeyEntry


def added(entries: Sequence[KeyEntry], *, entry: KeyEntry) -> list[KeyEntry]:
    """`entries` with one more."""
    return [*entries, entry]


def rotated(
    entries: Sequence[KeyEntry], *, old: str, new: KeyEntry, now: float, overlap: float
) -> tuple[list[KeyEntry], KeyEntry]:
    """`entries` with a key like `old`, made of `new`'s id, hash and times, and that key.

    The old one goes on for `overlap` seconds, or until it would have expired anyway.

    Raises:
        UnusableError: there is no such key, or it is good no longer.

    """
    before = _find(entries, old)
    if before.revoked is not None or before.expires_at <= now:
        raise UnusableError(f"the key `{old}` is good no longer: make a new one with `toolgate keys create`")
    after = msgspec.structs.replace(before, id=new.id, hash=new.hash, created=new.created, expires=new.expires)
    ending = msgspec.structs.replace(before, expires=rfc3339(min(before.expires_at, now + overlap)))
    return [ending if entry.id == old else entry for entry in entries] + [after], after


def revoked(entries: Sequence[KeyEntry], *, key_id: str, now: float) -> list[KeyEntry]:
    """`entries` with the key `key_id` revoked at `now`; one that was revoked before stays as it is.

    Raises:
        UnusableError: there is no such key.

    """
    known = _find(entries, key_id)
    ended = msgspec.structs.replace(known, revoked=known.revoked or rfc3339(now))
    return [ended if entry.id == key_id else entry for entry in entries]


def _find(entries: Sequence[KeyEntry], key_id: str) -> KeyEntry:
    for entry in entries:
        if entry.id == key_id:
            return entry
    raise UnusableError(f"there is no key `{key_id}`: `toolgate keys list` shows those there are")
