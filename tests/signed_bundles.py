"""Signed bundles for tests: keys by their names, roots of trust, and heads that anybody may have signed."""

import hashlib
from collections.abc import Iterable, Mapping
from functools import cache

from pdp.core.bundle import freshness, manifest, trust
from pdp.core.bundle.envelope import Envelope, sealed
from pdp.core.bundle.freshness import freshness_of
from pdp.core.bundle.head import Head
from pdp.core.bundle.key import KeyPair
from pdp.core.bundle.manifest import Manifest, manifest_of
from pdp.core.bundle.trust import Role, Trust, TrustDocument, document_of, trust_of
from pdp.core.contract.identifier import rfc3339

NOW = 1_800_000_000.0
"""Unix seconds at which most of it happens."""
Names = Iterable[str]


@cache
def key(name: str) -> KeyPair:
    """The key of that name, the same in each run."""
    return KeyPair.from_seed(hashlib.sha256(name.encode()).digest())


def key_id(name: str) -> str:
    return key(name).public.id


def signed(payload_type: str, payload: bytes, names: Names) -> Envelope:
    return sealed(payload_type, payload, keys=[key(name) for name in names])


def document(
    number: int = 1,
    *,
    root: Names = ("root",),
    bundle: Names = ("bundle",),
    freshness: Names = ("freshness",),
    thresholds: Mapping[Role, int] | None = None,
) -> TrustDocument:
    """The document of trust with those keys, each role met by one of them unless `thresholds` says otherwise."""
    wanted = thresholds or {}
    members = {Role.ROOT: root, Role.BUNDLE: bundle, Role.FRESHNESS: freshness}
    return document_of(
        number, {role: ([key(name).public for name in names], wanted.get(role, 1)) for role, names in members.items()}
    )


def signed_trust(written: TrustDocument, names: Names = ("root",)) -> Envelope:
    return signed(trust.PAYLOAD_TYPE, written.to_json(), names)


def first_trust() -> Trust:
    """Trust 1: one key a role, `root`, `bundle` and `freshness`."""
    return trust_of(signed_trust(document()))


def signed_manifest(written: Manifest, names: Names = ("bundle",)) -> Envelope:
    return signed(manifest.PAYLOAD_TYPE, written.to_json(), names)


def statement(about: Manifest, *, now: float = NOW, names: Names = ("freshness",)) -> Envelope:
    return signed(freshness.PAYLOAD_TYPE, freshness_of(about, now=now).to_json(), names)


def head_of(
    files: Mapping[str, bytes],
    *,
    serial: int = 1,
    now: float | None = NOW,
    by: Names = ("bundle",),
    stated_by: Names = ("freshness",),
    chain: Iterable[Envelope] = (),
) -> Head:
    """A head about `files`, stated to be the newest at `now`, without a statement where that is None."""
    written = manifest_of(files, serial=serial, published=rfc3339(NOW))
    stated = None if now is None else statement(written, now=now, names=stated_by)
    return Head(signed_manifest(written, by), stated, tuple(chain))
