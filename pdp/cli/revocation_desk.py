"""Where revocations are made from a terminal: at a decision point, or in the store of this machine."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import msgspec

from pdp.bootstrap.bundles import files_at_hand
from pdp.cli.admin_client import AdminClient, read_answer
from pdp.core.bundle.content import CATALOG_FILE, SCHEMAS
from pdp.core.catalog.reading import read_catalog
from pdp.core.contract.errors import BundleError, ConfigurationError, Refused, UnusableError
from pdp.core.contract.revocation import Revocation, RevocationKind, RevocationSet
from pdp.core.settings.decision_point import PdpSettings
from pdp.revocation.doubt import doubt_about
from pdp.revocation.store import Order, RevocationStore

_PATH: Final = "/admin/v1/revocations"


class Made(msgspec.Struct, frozen=True):
    """What is in force now; `warning` says what may be wrong with it."""

    revocation: Revocation
    warning: str | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Something to revoke; `duration` as people write it (`24h`) and in seconds, None for good."""

    kind: RevocationKind
    id: str
    reason: str
    duration: tuple[str, float] | None


class Desk(Protocol):
    """Takes orders; each method raises UnusableError where it cannot."""

    def revoke(self, wanted: Wanted) -> Made:
        """Put `wanted` in force."""
        ...

    def lift(self, kind: RevocationKind, identifier: str, *, reason: str) -> int | None:
        """The number of the change that ends a revocation, None where none is in force."""
        ...

    def find(self) -> RevocationSet:
        """All that is in force."""
        ...


class LocalDesk:
    """The store itself: whoever may write its file may revoke; `by` is who does."""

    def __init__(self, store: RevocationStore, *, pdp: PdpSettings, base: Path, by: str) -> None:
        self._store = store
        self._pdp = pdp
        self._base = base
        self._by = by

    def revoke(self, wanted: Wanted) -> Made:
        """Put `wanted` in force."""
        now = _now()
        until = None if wanted.duration is None else now + wanted.duration[1]
        with refusals():
            made = self._store.revoke(Order(wanted.kind, wanted.id, wanted.reason, until), by=self._by, now=now)
        return Made(made, self._doubt(made))

    def lift(self, kind: RevocationKind, identifier: str, *, reason: str) -> int | None:
        """The number of the change that ends a revocation, None where none is in force."""
        with refusals():
            return self._store.lift(kind, identifier, by=self._by, reason=reason, now=_now())

    def find(self) -> RevocationSet:
        """All that is in force."""
        known, now = self._store.read(), _now()
        return RevocationSet(known.sequence, tuple(one for one in known.revocations if now < one.ends_at))

    def _doubt(self, made: Revocation) -> str | None:
        if made.kind not in {RevocationKind.TOOL, RevocationKind.SERVER}:
            return None
        try:
            sources = files_at_hand(self._pdp, base=self._base)
            snapshots = {path: raw for path, raw in sources.items() if path.startswith(SCHEMAS)}
            content = sources.get(CATALOG_FILE, b"version: 1\n")
            catalog = read_catalog(content, file=CATALOG_FILE, snapshots=snapshots)
        except (ConfigurationError, BundleError):
            return "the catalog cannot be read, so nobody knows whether it has this name: see `toolgate check`"
        return doubt_about(made.kind, made.id, catalog=catalog)


class AdminDesk:
    """The administration of a decision point."""

    def __init__(self, client: AdminClient) -> None:
        self._client = client

    def revoke(self, wanted: Wanted) -> Made:
        """Put `wanted` in force."""
        body = {"kind": wanted.kind, "id": wanted.id, "reason": wanted.reason}
        if wanted.duration is not None:
            body["for"] = wanted.duration[0]
        return read_answer(self._client.ask("POST", _PATH, json=body), Made)

    def lift(self, kind: RevocationKind, identifier: str, *, reason: str) -> int | None:
        """The number of the change that ends a revocation, None where none is in force."""
        named = {"kind": kind.value, "id": identifier, "reason": reason}
        answer = self._client.ask("DELETE", _PATH, params=named, absent="not_revoked")
        return None if answer is None else read_answer(answer, RevocationSet).sequence

    def find(self) -> RevocationSet:
        """All that is in force."""
        return read_answer(self._client.ask("GET", _PATH), RevocationSet)


@contextmanager
def refusals() -> Iterator[None]:
    """What is refused for its form cannot be run."""
    try:
        yield
    except Refused as refusal:
        raise UnusableError(refusal.caller_text) from refusal


def _now() -> float:
    return time.time()  # noqa: TID251 - the edge
