"""Bundles to publish, whoever signed them: that is for activation to check."""

from pdp.core.bundle.content import encode
from pdp.core.bundle.envelope import sealed
from pdp.core.bundle.freshness import PAYLOAD_TYPE as FRESHNESS
from pdp.core.bundle.freshness import freshness_of
from pdp.core.bundle.head import Head
from pdp.core.bundle.manifest import PAYLOAD_TYPE, manifest_of

CATALOG = b"version: 1\n"


def bundle(serial: int, *, policy: bytes = b'@id("all") permit (principal, action, resource);') -> tuple[Head, bytes]:
    """The head and the content of a bundle with one policy."""
    files = {"policies/a.cedar": policy, "policies/catalog.yaml": CATALOG}
    return Head(sealed(PAYLOAD_TYPE, manifest_of(files, serial=serial).to_json())), encode(files)


def fresh(head: Head, *, now: float) -> Head:
    """`head` with a statement that it is the newest at Unix time `now`."""
    return Head(head.manifest, sealed(FRESHNESS, freshness_of(head.unverified(), now=now).to_json()), head.trust)
