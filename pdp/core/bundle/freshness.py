"""Statements of freshness: when a bundle was last known to be the newest, as TUF's timestamp role says it."""

import re
from typing import Final, Literal

import msgspec

from pdp.core.bundle.manifest import Manifest
from pdp.core.contract.errors import BundleError
from pdp.core.contract.exact_json import canonical
from pdp.core.contract.identifier import rfc3339, unix_seconds
from pdp.core.contract.reason_code import ReasonCode

PAYLOAD_TYPE: Final = "application/vnd.toolgate.bundle.freshness.v1+json"
MAX_SKEW: Final = 60.0
"""Seconds by which the clock of who makes a statement may be before ours."""

# RFC 3339, section 5.6; ISO 8601 has many more spellings.
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[-+]\d\d:\d\d)", re.ASCII)


class Freshness(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """At `issued` (RFC 3339), the newest bundle was that of `serial` and `digest`."""

    serial: int
    digest: str
    issued: str
    version: Literal[1] = 1

    def to_json(self) -> bytes:
        """Its canonical JSON: what is signed."""
        return canonical(self)

    @classmethod
    def from_json(cls, raw: bytes) -> "Freshness":
        """The statement in `raw`.

        Raises:
            BundleError: `bundle_untrusted`, it is none.

        """
        try:
            statement = msgspec.json.decode(raw, type=cls)
            if not _TIME.fullmatch(statement.issued):
                raise ValueError("no time of RFC 3339")
            unix_seconds(statement.issued)
        except (msgspec.MsgspecError, UnicodeDecodeError, ValueError, OverflowError) as error:
            raise _untrusted("this is no statement of freshness") from error
        return statement

    def check(self, manifest: Manifest, *, now: float) -> float:
        """When `manifest`'s bundle was last known to be the newest, in Unix seconds; `now` is our clock's.

        Raises:
            BundleError: `bundle_untrusted`, the statement is about another bundle or from the future.

        """
        if (self.serial, self.digest) != (manifest.serial, manifest.digest):
            raise _untrusted(f"the statement of freshness is about serial {self.serial}, not {manifest.serial}")
        issued = unix_seconds(self.issued)
        if issued > now + MAX_SKEW:
            raise _untrusted("the statement of freshness is from the future")
        return min(issued, now)


def freshness_of(manifest: Manifest, *, now: float) -> Freshness:
    """The statement that `manifest`'s bundle is the newest at Unix time `now`."""
    return Freshness(manifest.serial, manifest.digest, rfc3339(now))


def _untrusted(detail: str) -> BundleError:
    return BundleError(ReasonCode.BUNDLE_UNTRUSTED, detail)
