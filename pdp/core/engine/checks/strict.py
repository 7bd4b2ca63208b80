"""Cedar's strict validation, each policy against one action of each class that it can tell apart.

What it finds is what validation against the whole schema finds: a complaint about one action is one about
every action of its class.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from pdp.core.engine import cedar
from pdp.core.engine.checks.action_classes import ACTION, ActionClasses, Actions, Interest

_ABOUT: Final = re.compile(rf' in context for {ACTION}::"(?P<id>(?:[^"\\]|\\.)*)"')
_ESCAPE: Final = re.compile(r"\\(?:u\{(?P<code>[0-9a-fA-F]{1,6})\}|(?P<plain>.))", re.DOTALL)
_PLAIN: Final = {"n": "\n", "r": "\r", "t": "\t", "0": "\0"}

# Milliseconds, measured on one core: what to weigh when policies with different classes could share a schema.
_SCHEMA: Final = 0.4
_ACTION: Final = 0.25
_POLICY: Final = 0.05
_POLICY_ACTION: Final = 0.02

_BATCH: Final = 500
"""Policies in one call: what is reported as progress at once."""


@dataclass(frozen=True, slots=True, order=True)
class Complaint:
    """What Cedar says of a policy, and the action that it says it of, "" where it names none."""

    text: str
    action: str


@dataclass(frozen=True, slots=True)
class _Batch:
    """Policies, by index, that are validated together, and with which actions."""

    actions: Actions
    policies: tuple[int, ...]


def complaints(
    texts: Sequence[str],
    *,
    interests: Sequence[Interest],
    classes: ActionClasses,
    done: Callable[[int], None] = lambda _: None,
) -> list[list[Complaint]]:
    """What strict validation says of each policy, sorted; `done` hears how many are through."""
    found: list[list[Complaint]] = [[] for _ in texts]
    through = 0
    for batch in _batches(interests, classes):
        schema = cedar.schema(classes.schema(batch.actions))
        for start in range(0, len(batch.policies), _BATCH):
            part = batch.policies[start : start + _BATCH]
            for position, text in cedar.validate([texts[index] for index in part], schema):
                found[part[position]].append(read_complaint(text))
            through += len(part)
            done(through)
    return [_widened(said, one, classes) if said else [] for said, one in zip(found, interests, strict=True)]


def read_complaint(text: str) -> Complaint:
    """Cedar's sentence, apart from the action that it is about."""
    about = _ABOUT.search(text)
    if about is None:
        return Complaint(text, "")
    return Complaint(_ABOUT.sub(" in context", text), _ESCAPE.sub(_unescaped, about["id"]))


def _widened(said: list[Complaint], interest: Interest, classes: ActionClasses) -> list[Complaint]:
    """`said` of every action of the classes that it is about."""
    wide: set[Complaint] = set()
    for one in said:
        actions = classes.alike(one.action, interest=interest) if one.action else [""]
        wide.update(Complaint(one.text, action) for action in actions)
    return sorted(wide)


def _batches(interests: Sequence[Interest], classes: ActionClasses) -> Iterator[_Batch]:
    """Policies with the same sample together, then neighbours as long as sharing a schema costs less."""
    alike: dict[Actions, list[int]] = defaultdict(list)
    for index, interest in enumerate(interests):
        alike[classes.sample(interest)].append(index)
    actions: Actions = frozenset()
    policies: list[int] = []
    for sample, members in sorted(alike.items(), key=lambda item: sorted(item[0])):
        if policies and _cost(actions | sample, len(policies) + len(members)) > (
            _cost(actions, len(policies)) + _cost(sample, len(members))
        ):
            yield _Batch(actions, tuple(policies))
            actions, policies = frozenset(), []
        actions |= sample
        policies += members
    if policies:
        yield _Batch(actions, tuple(policies))


def _cost(actions: Actions, policies: int) -> float:
    return _SCHEMA + _ACTION * len(actions) + policies * (_POLICY + _POLICY_ACTION * len(actions))


def _unescaped(match: re.Match[str]) -> str:
    if match["code"] is not None:
        return chr(int(match["code"], 16))
    return _PLAIN.get(match["plain"], match["plain"])
