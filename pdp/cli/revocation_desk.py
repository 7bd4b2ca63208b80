"""Where revocations are made from a terminal: at a decision point, or in the store of this machine."""

import json
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

import httpx
import msgspec

from pdp.cli.terminal import legible
from pdp.core.bundle.content import CATALOG_FILE, SCHEMAS
from pdp.core.catalog.reading import read_catalog
from pdp.core.contract.errors import ConfigurationError, Refused, UnusableError
from pdp.core.contract.revocation import Revocation, RevocationKind, RevocationSet
from pdp.core.settings.decision_point import PdpSettings
from pdp.hosting.address import Exposure, host_exposure
from pdp.lifecycle.directory import DirectorySource
from pdp.revocation.doubt import doubt_about
from pdp.revocation.store import Order, RevocationStore

TIMEOUT_SECONDS: Final = 10.0

_PATH: Final = "/admin/v1/revocations"
_UNIX: Final = "unix:"
_MAX_ANSWER: Final = 64 * 1024 * 1024

T = TypeVar("T")


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
        self._sources = DirectorySource(policies=base / pdp.policies, schemas=base / pdp.schemas)
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
            sources = self._sources.fetch()
            snapshots = {path: raw for path, raw in sources.items() if path.startswith(SCHEMAS)}
            content = sources.get(CATALOG_FILE, b"version: 1\n")
            catalog = read_catalog(content, file=CATALOG_FILE, snapshots=snapshots)
        except ConfigurationError:
            return "the catalog cannot be read, so nobody knows whether it has this name: see `toolgate check`"
        return doubt_about(made.kind, made.id, catalog=catalog)


class AdminDesk:
    """The administration of the decision point at `url`, with the bearer token `token`.

    Raises:
        UnusableError: the token would go over the network unprotected.

    """

    def __init__(self, url: str, *, token: str) -> None:
        transport, base_url = _way_to(url)
        self._client = httpx.Client(
            transport=transport,
            base_url=base_url,
            headers={"authorization": f"Bearer {token}"},
            timeout=TIMEOUT_SECONDS,
            trust_env=False,
        )

    def revoke(self, wanted: Wanted) -> Made:
        """Put `wanted` in force."""
        body = {"kind": wanted.kind, "id": wanted.id, "reason": wanted.reason}
        if wanted.duration is not None:
            body["for"] = wanted.duration[0]
        return _read(self._ask("POST", json=body), Made)

    def lift(self, kind: RevocationKind, identifier: str, *, reason: str) -> int | None:
        """The number of the change that ends a revocation, None where none is in force."""
        answer = self._ask("DELETE", params={"kind": kind.value, "id": identifier, "reason": reason}, absent=404)
        return None if answer is None else _read(answer, RevocationSet).sequence

    def find(self) -> RevocationSet:
        """All that is in force."""
        return _read(self._ask("GET"), RevocationSet)

    def _ask(self, method: str, *, absent: int | None = None, **named: Any) -> bytes | None:
        try:
            with self._client.stream(method, _PATH, **named) as answer:
                content = bytearray()
                for piece in answer.iter_bytes():
                    content += piece
                    if len(content) > _MAX_ANSWER:
                        raise UnusableError("the decision point answers too much")
        except (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError) as error:
            raise UnusableError(f"the decision point cannot be asked: {type(error).__name__}") from error
        code, detail = _problem_in(bytes(content))
        if answer.status_code == absent and code == "not_revoked":
            return None
        if not answer.is_success:
            raise UnusableError(f"the decision point refuses with status {answer.status_code}: {detail}")
        return bytes(content)


def _way_to(url: str) -> tuple[httpx.HTTPTransport, str]:
    if url.startswith(_UNIX):
        return httpx.HTTPTransport(uds=url.removeprefix(_UNIX)), "http://localhost"
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise UnusableError("the URL of `--admin` cannot be read") from error
    is_near = host_exposure(parsed.host) is Exposure.LOOPBACK
    if not parsed.host or not (parsed.scheme == "https" or (parsed.scheme == "http" and is_near)):
        raise UnusableError("the token is only sent over `https`, to `http` on this machine, or to `unix:/path`")
    return httpx.HTTPTransport(verify=ssl.create_default_context()), url


def _read(content: bytes | None, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(content or b"", type=kind)
    except msgspec.MsgspecError as error:
        raise UnusableError("the decision point answers something else than its administration would") from error


def _problem_in(content: bytes) -> tuple[str, str]:
    """Code and text of a problem (RFC 9457), harmless to a terminal; empty where it is none."""
    try:
        found = json.loads(content)
    except ValueError:
        return "", "no reason is given"
    if not isinstance(found, dict):
        return "", "no reason is given"
    return str(found.get("code", "")), legible(str(found.get("detail", "")))[:500]


@contextmanager
def refusals() -> Iterator[None]:
    """What is refused for its form cannot be run."""
    try:
        yield
    except Refused as refusal:
        raise UnusableError(refusal.caller_text) from refusal


def _now() -> float:
    return time.time()  # noqa: TID251 - the edge
