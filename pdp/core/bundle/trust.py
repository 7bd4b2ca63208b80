"""The root of trust: which keys may sign what, as a signed document that names its own successor.

As TUF's root role: version N + 1 counts once enough root keys of version N and of itself have signed it, so keys
rotate without anybody touching a decision point, and a key that a version no longer lists signs nothing any more.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Final, Literal

import msgspec

from pdp.core.bundle.content import shown
from pdp.core.bundle.envelope import MAX_SIGNATURES, Envelope
from pdp.core.bundle.key import PublicKey
from pdp.core.contract.errors import BundleError, UnusableError
from pdp.core.contract.exact_json import canonical
from pdp.core.contract.reason_code import ReasonCode

PAYLOAD_TYPE: Final = "application/vnd.toolgate.trust.v1+json"
MAX_CHAIN: Final = 64
"""Versions of the root of trust that a head may bring."""


class Role(StrEnum):
    """What a key may sign."""

    ROOT = "root"
    """The next version of this document."""
    BUNDLE = "bundle"
    """Manifests."""
    FRESHNESS = "freshness"
    """Statements that a bundle is the newest."""


class RoleKeys(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The ids of the keys of a role, and how many of them have to sign."""

    keys: tuple[str, ...]
    threshold: int = 1


class TrustDocument(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is signed: keys in PEM by their ids, and the keys of each role."""

    trust: int
    keys: dict[str, str]
    roles: dict[Role, RoleKeys]
    version: Literal[1] = 1

    def to_json(self) -> bytes:
        """Its canonical JSON."""
        return canonical(self)


class Trust:
    """A root of trust that may be believed; `envelope` is what it came in, `chain` all versions that led to it."""

    def __init__(self, document: TrustDocument, envelope: Envelope, *, before: Sequence[Envelope] = ()) -> None:
        self.document = document
        self.envelope = envelope
        self.chain = (*before, envelope)
        self._keys = _keys_of(document)
        _check_roles(document)

    @property
    def number(self) -> int:
        """Its version, from 1."""
        return self.document.trust

    def check(self, role: Role, envelope: Envelope) -> None:
        """Pass what enough keys of `role` have signed.

        Raises:
            BundleError: `bundle_untrusted`.

        """
        wanted = self.document.roles[role]
        known = {name: self._keys[name] for name in wanted.keys}
        signers = envelope.signers(known)
        if len(signers) < wanted.threshold:
            others = sorted({_named(one.keyid) for one in envelope.signatures} - {_named(name) for name in known})
            hint = f"; signed by keys that have no such role: {', '.join(others)}" if others else ""
            text = f"{len(signers)} of {wanted.threshold} `{role}` keys of trust {self.number} have signed{hint}"
            raise _untrusted(text)


def trust_of(envelope: Envelope) -> Trust:
    """The root of trust in `envelope`, which must have signed itself: where everything starts.

    Raises:
        BundleError: `bundle_untrusted`.

    """
    trust = _read(envelope)
    trust.check(Role.ROOT, envelope)
    return trust


def advanced(trust: Trust, chain: Sequence[Envelope]) -> Trust:
    """The newest root of trust that `chain` leads to from `trust`; what is older in it is passed over.

    Raises:
        BundleError: `bundle_untrusted`, a version is missing, or not signed by the one before and by itself.

    """
    for following in advances(trust, chain):
        trust = following
    return trust


def advances(trust: Trust, chain: Sequence[Envelope]) -> Iterator[Trust]:
    """Each newer root of trust that `chain` leads to from `trust`, one after the other, as far as they may be believed.

    Raises:
        BundleError: as `advanced`, after those that may.

    """
    if len(chain) > MAX_CHAIN:
        raise _untrusted(f"at most {MAX_CHAIN} versions of the root of trust come with a bundle")
    for following in sorted((_read(envelope) for envelope in chain), key=lambda one: one.number):
        if following.number < trust.number or following.document == trust.document:
            continue
        if following.number == trust.number:
            raise _untrusted(f"there are two versions {trust.number} of the root of trust")
        if following.number != trust.number + 1:
            raise _untrusted(f"trust {trust.number + 1} is missing before {following.number}")
        trust.check(Role.ROOT, following.envelope)
        following.check(Role.ROOT, following.envelope)
        trust = Trust(following.document, following.envelope, before=trust.chain)
        yield trust


def trust_along(chain: Sequence[Envelope]) -> Trust:
    """The newest root of trust of `chain`, whose first version must have signed itself.

    Raises:
        BundleError: `bundle_untrusted`.

    """
    if not chain:
        raise _untrusted("a root of trust has at least one version")
    first, *rest = chain
    return advanced(trust_of(first), rest)


def document_of(number: int, roles: Mapping[Role, tuple[Iterable[PublicKey], int]]) -> TrustDocument:
    """The document of version `number` with these keys and thresholds.

    Raises:
        BundleError: `bundle_untrusted`, a role has too few keys for its threshold.

    """
    keys: dict[str, str] = {}
    written: dict[Role, RoleKeys] = {}
    for role, (members, threshold) in roles.items():
        found = {key.id: key.to_pem().decode("ascii") for key in members}
        keys |= found
        written[role] = RoleKeys(tuple(sorted(found)), threshold)
    document = TrustDocument(number, dict(sorted(keys.items())), written)
    _check_roles(document)
    return document


def _read(envelope: Envelope) -> Trust:
    try:
        document = msgspec.json.decode(envelope.unverified(PAYLOAD_TYPE), type=TrustDocument)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise _untrusted(f"this is no root of trust: {shown(str(error))}") from error
    return Trust(document, envelope)


def _keys_of(document: TrustDocument) -> Mapping[str, PublicKey]:
    if len(document.keys) > MAX_SIGNATURES:
        raise _untrusted(f"a root of trust has at most {MAX_SIGNATURES} keys")
    keys: dict[str, PublicKey] = {}
    for name, pem in document.keys.items():
        try:
            key = PublicKey.from_pem(pem.encode("utf-8"))
        except UnusableError as error:
            raise _untrusted(f"key `{_named(name)}`: {error}") from error
        if key.id != name:
            raise _untrusted(f"key `{_named(name)}` has another id")
        keys[name] = key
    return keys


def _check_roles(document: TrustDocument) -> None:
    """INVARIANT: no role is without keys, and none is met by fewer than its threshold."""
    if document.trust < 1:
        raise _untrusted("versions of the root of trust count from 1")
    for role in Role:
        found = document.roles.get(role)
        if found is None:
            raise _untrusted(f"the root of trust has no role `{role}`")
        if not 1 <= found.threshold <= len(found.keys) or len(set(found.keys)) != len(found.keys):
            raise _untrusted(f"role `{role}` needs as many different keys as its threshold, and at least one")
        unknown = sorted(set(found.keys) - document.keys.keys())
        if unknown:
            raise _untrusted(f"role `{role}` names a key that is not there: `{_named(unknown[0])}`")


def _named(key_id: str) -> str:
    """Enough of a key's id to tell it from others."""
    return shown(key_id[:19])


def _untrusted(detail: str) -> BundleError:
    return BundleError(ReasonCode.BUNDLE_UNTRUSTED, detail)
