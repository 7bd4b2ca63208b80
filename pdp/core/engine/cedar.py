"""The one place that touches cedarpy: handles in, plain values out.

Facts this room keeps to itself: cedarpy's own ids are positional, so policies are given to Cedar as
trees under their `@id` (the JSON form refuses conditions nested half as deep); the order of reasons and
errors varies from parse to parse, so both come sorted; Cedar answers Allow when a `forbid` fails to
evaluate, so errors are never dropped.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, NamedTuple, TypeAlias

import cedarpy
import msgspec
from cedarpy import pst

__all__ = ["Answer", "Entities", "EntityUid", "Policies", "Question", "Schema", "Verdict", "authorize", "pst"]

Entities: TypeAlias = cedarpy.Entities
Policies: TypeAlias = cedarpy.PolicySet
Schema: TypeAlias = cedarpy.Schema
Question: TypeAlias = Mapping[str, Any]

_POSITIONAL: Final = re.compile(r"policy(\d+)")
_FOR_POLICY: Final = re.compile(r"^for policy `[^`]*`, ")
_FAILED_POLICY: Final = re.compile(r"^error while evaluating policy `([^`]+)`: ")


class Verdict(StrEnum):
    """What Cedar answers; `NO_DECISION` when it could not read the request."""

    ALLOW = "Allow"
    DENY = "Deny"
    NO_DECISION = "NoDecision"


class EntityUid(NamedTuple):
    """A Cedar entity: its full type name and its id."""

    type: str
    id: str

    def as_json(self) -> dict[str, str]:
        """Cedar's JSON form of a reference to it."""
        return {"type": self.type, "id": self.id}


@dataclass(frozen=True, slots=True)
class Answer:
    """Cedar's answer: ids of determining policies, and of those that failed to evaluate, sorted.

    `unplaced` are errors that name no policy.
    """

    verdict: Verdict
    reasons: tuple[str, ...]
    errors: tuple[str, ...]
    unplaced: tuple[str, ...]


def read_tree(text: str) -> pst.Template:
    """The tree of the one policy or template in `text`.

    INVARIANT: the caller has bounded nesting and chains; Cedar's parser has only the stack to stop it.

    Raises:
        ValueError: it is neither, or more than one; the message says what Cedar expected.

    """
    found = read_trees(text)
    if len(found) != 1:
        raise ValueError("expected one policy")
    return found[0]


def read_trees(text: str) -> list[pst.Template]:
    """The trees of the policies and templates in `text`, in its order; the caller has bounded it as for `read_tree`.

    Raises:
        ValueError: one of them is neither.

    """
    trees = cedarpy.policies_to_pst(text)
    found = {**trees.static_policies, **trees.templates}
    return [found[key] for key in sorted(found, key=_position)]


def format_policy(text: str, *, width: int, indent: int) -> str:
    """The one policy or template in `text` in Cedar's own layout; the caller has bounded it as for `read_tree`.

    Cedar's formatter loses some comments, so the caller compares.

    Raises:
        ValueError: it is neither.

    """
    return cedarpy.format_policies(text, line_width=width, indent_width=indent).strip()


def _position(key: str) -> int:
    match = _POSITIONAL.fullmatch(key)
    return int(match[1]) if match else 0


def policy_set(trees: Iterable[pst.Template]) -> Policies:
    """The handle of static policies, under the ids of their trees."""
    named = {tree.id: tree for tree in trees}
    return cedarpy.PolicySet.from_pst(pst.PolicySet(templates={}, static_policies=named, template_links=()))


def schema(json_form: Mapping[str, Any]) -> Schema:
    """The handle of a schema in Cedar's JSON form.

    Raises:
        ValueError: Cedar does not take it.

    """
    return cedarpy.Schema.from_json_str(json.dumps(json_form))


def validate(texts: Sequence[str], against: Schema) -> list[tuple[int, str]]:
    """What strict validation finds, as (index into `texts`, message)."""
    errors = cedarpy.validate_policies("\n".join(texts), against).errors
    return [(_position(error.policy_id), _FOR_POLICY.sub("", error.error)) for error in errors]


def entities(definitions: Iterable[Mapping[str, Any]]) -> Entities:
    """The handle of entities in Cedar's JSON form.

    Raises:
        ValueError: Cedar does not take them.

    """
    return cedarpy.Entities.from_json_str(msgspec.json.encode(list(definitions)).decode())


def question(principal: EntityUid, action: EntityUid, resource: EntityUid) -> Question:
    """The part of a request that stays the same whatever its context."""
    return {"principal": principal.as_json(), "action": action.as_json(), "resource": resource.as_json()}


def authorize(policies: Policies, closure: Entities, asked: Question, *, context: Mapping[str, Any]) -> Answer:
    """Cedar's answer to one request; `context` is in Cedar's JSON form."""
    request = {**asked, "context": msgspec.json.encode(context).decode()}
    answer = cedarpy.is_authorized(request, policies, closure)
    diagnostics = answer.diagnostics
    failed = [(error, _FAILED_POLICY.match(error)) for error in diagnostics.errors]
    return Answer(
        verdict=Verdict(answer.decision.value),
        reasons=tuple(sorted(diagnostics.reasons)),
        errors=tuple(sorted(match[1] for _, match in failed if match)),
        unplaced=tuple(error for error, match in failed if not match),
    )
