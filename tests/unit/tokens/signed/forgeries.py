"""Tokens that must not be believed, each with its name and code: for the verifier, and for whoever stands before it."""

from collections.abc import Iterator, Mapping
from typing import Final

from pdp.core.contract.reason_code import ReasonCode
from tests.unit.tokens.signed.forged_algorithms import forged_algorithms, forged_keys
from tests.unit.tokens.signed.forged_claims import forged_claims, lookalikes, wrong_times
from tests.unit.tokens.signed.forged_forms import forged_forms, forged_json, forged_signatures
from tests.unit.tokens.signed.forging import Forgery, Scene

_PARTS: Final = (
    forged_algorithms,
    forged_keys,
    forged_signatures,
    forged_forms,
    forged_json,
    forged_claims,
    wrong_times,
    lookalikes,
)


def forgeries(scene: Scene | None = None) -> Mapping[str, tuple[str, ReasonCode]]:
    """Each forgery of `scene` by name: the token, and the code with which it is refused."""
    deceived = Scene() if scene is None else scene
    found: dict[str, tuple[str, ReasonCode]] = {}
    for forgery in _every(deceived):
        assert forgery.name not in found, forgery.name
        found[forgery.name] = (forgery.token, forgery.code)
    return found


def _every(scene: Scene) -> Iterator[Forgery]:
    for part in _PARTS:
        yield from part(scene)
