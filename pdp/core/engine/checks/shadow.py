"""Permits that a `forbid` without conditions covers whole: they allow nothing."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from pdp.core.engine.cedar import pst
from pdp.core.engine.checks.vocabulary import Calls, Vocabulary

_ANYBODY: Final = pst.ScopeAny()


@dataclass(frozen=True, slots=True)
class Shadow:
    """A permit and a `forbid` that covers it, by their ids."""

    permit: str
    forbid: str


def shadows(
    policies: Mapping[str, pst.Template], *, unconditional: Iterable[str], vocabulary: Vocabulary
) -> Iterator[Shadow]:
    """Each permit that one of the `unconditional` forbids covers, with one that does.

    Sound, not complete. Principals are compared by what scopes say, since who is in which group is for an
    issuer to know; calls are compared exactly.
    """
    covers: dict[pst.PrincipalOrResourceConstraint, dict[Calls, str]] = {}
    for key in sorted(unconditional):
        forbid = policies[key]
        calls = vocabulary.reached(forbid.action, resource=forbid.resource)
        covers.setdefault(forbid.principal, {}).setdefault(calls, key)
    if not covers:
        return
    for key, policy in sorted(policies.items()):
        if policy.effect == "permit":
            calls = vocabulary.reached(policy.action, resource=policy.resource)
            above = _covering(policy.principal, calls, covers) if calls else None
            if above is not None:
                yield Shadow(key, above)


def _covering(
    principal: pst.PrincipalOrResourceConstraint,
    calls: Calls,
    covers: Mapping[pst.PrincipalOrResourceConstraint, Mapping[Calls, str]],
) -> str | None:
    for wider in _at_least(principal):
        for covered, key in covers.get(wider, {}).items():
            if calls <= covered:
                return key
    return None


def _at_least(principal: pst.PrincipalOrResourceConstraint) -> Iterator[pst.PrincipalOrResourceConstraint]:
    """The constraints that let in everybody whom `principal` does, whoever is in which group."""
    yield _ANYBODY
    match principal:
        case pst.ScopeEq(entity=pst.EntityUid() as entity):
            yield principal
            yield from (pst.ScopeIn(entity), pst.ScopeIs(entity.type), pst.ScopeIsIn(entity.type, entity))
        case pst.ScopeIsIn(entity_type=kind, entity=entity):
            yield from (principal, pst.ScopeIs(kind), pst.ScopeIn(entity))
        case pst.ScopeIn() | pst.ScopeIs():
            yield principal
        case _:
            pass
