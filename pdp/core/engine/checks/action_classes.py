"""Actions that a policy cannot tell apart: strict validation of one of them speaks for all.

Cedar validates a policy once for every action, so a policy over 5,000 tools costs 5,000 validations. It
can tell two actions apart only by what it reads of the context, by the actions that it names, and by what
else the schema says of them (principals, resources, groups).
"""

import json
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from pdp.core.catalog.cedar_schema import NAMESPACE
from pdp.core.engine.cedar import pst
from pdp.core.engine.checks.subject import Subject
from pdp.core.engine.dependencies import Path, Read, Reading

ACTION: Final = f"{NAMESPACE}::Action"
ARGUMENTS: Final = "arguments"

Actions: TypeAlias = frozenset[str]
_Signature: TypeAlias = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class _Kind:
    """What a schema says of an action besides its arguments; `frame` is JSON."""

    frame: str
    groups: Actions


@dataclass(frozen=True, slots=True)
class Interest:
    """All that a policy can tell actions apart by: its reads, the actions it names, those its head lets in.

    `heads` are the actions that the head names, None where it names none.
    """

    reads: tuple[Read, ...]
    named: Actions
    heads: Actions | None


def interest_of(subject: Subject) -> Interest:
    """What one policy can tell actions apart by."""
    named = frozenset(mention.uid.id for mention in subject.mentions if mention.uid.type == ACTION)
    reads = sorted({each.read for each in subject.reads}, key=_order)
    return Interest(tuple(reads), named, _heads(subject.tree.action))


def _heads(constraint: pst.ActionConstraint) -> Actions | None:
    match constraint:
        case pst.ScopeAny():
            return None
        case pst.ActionEq(entity=entity):
            return frozenset({_action_id(entity)})
        case pst.ActionIn(entities=entities):
            return frozenset(_action_id(entity) for entity in entities)


def _action_id(entity: pst.EntityUid) -> str:
    """The id where it is one of our actions, else what is the id of none."""
    return entity.id if str(entity.type) == ACTION else str(entity)


class ActionClasses:
    """The actions of a schema in Cedar's JSON form, in classes by what a policy sees of them."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self._schema = schema
        self._actions: Mapping[str, Any] = schema[NAMESPACE]["actions"]
        self._kinds: dict[str, _Kind] = {}
        self._members: dict[_Kind, list[str]] = defaultdict(list)
        self._declaring: dict[str, list[str]] = defaultdict(list)
        self._signatures: dict[tuple[str, Read], _Signature] = {}
        self._samples: dict[Interest, Actions] = {}
        for action, definition in sorted(self._actions.items()):
            kind = self._kinds[action] = _kind(definition)
            self._members[kind].append(action)
            for name in _fields(_arguments(definition)):
                self._declaring[name].append(action)

    def sample(self, interest: Interest) -> Actions:
        """One action of each class, every action named, and the groups of both: what `interest` is validated with."""
        found = self._samples.get(interest)
        if found is None:
            named = interest.named & self._actions.keys()
            chosen = {*named, *self._representatives(interest)}
            found = frozenset(chosen.union(*(self._kinds[action].groups for action in chosen)))
            self._samples[interest] = found
        return found

    def alike(self, action: str, *, interest: Interest) -> list[str]:
        """Every action in the class of `action`, itself among them, sorted."""
        if action in interest.named:
            return [action]
        wanted = self._class_of(action, interest)
        eligible = (
            one for kind in self._eligible(interest) for one in self._members[kind] if one not in interest.named
        )
        return sorted({one for one in eligible if self._class_of(one, interest) == wanted} | {action})

    def schema(self, actions: Collection[str]) -> dict[str, Any]:
        """The schema with no other actions than these."""
        part = {action: self._actions[action] for action in sorted(actions)}
        return {NAMESPACE: {**self._schema[NAMESPACE], "actions": part}}

    def declares(self, path: Path) -> Actions:
        """The actions whose arguments have a place `path`; () is every action that has arguments."""
        if not path:
            return frozenset(a for a, definition in self._actions.items() if _arguments(definition) is not None)
        return frozenset(
            action
            for action in self._declaring.get(path[0], ())
            if _is_declared(_arguments(self._actions[action]), path)
        )

    def names_at(self, action: str, path: Path) -> Collection[str]:
        """What the record at `path` of the arguments of `action` declares."""
        kind = _arguments(self._actions[action])
        for name in path:
            kind = _fields(kind).get(name)
        return _fields(kind).keys()

    def _representatives(self, interest: Interest) -> Collection[str]:
        deep = (
            self._declaring.keys()
            if _reads_whole(interest)
            else {each.path[1] for each in interest.reads if _is_deep(each)}
        )
        declaring = {action for name in deep for action in self._declaring.get(name, ())}
        apart: dict[_Signature, str] = {}
        for kind in self._eligible(interest):
            plain = next(
                (one for one in self._members[kind] if one not in declaring and one not in interest.named), None
            )
            if plain is not None:
                apart.setdefault((kind.frame, kind.groups & interest.named), plain)
        eligible = set(self._eligible(interest))
        for action in sorted(declaring - interest.named):
            if self._kinds[action] in eligible:
                apart.setdefault(self._class_of(action, interest), action)
        return apart.values()

    def _eligible(self, interest: Interest) -> list[_Kind]:
        """The kinds of action, besides those named, that Cedar may validate the policy for.

        Tried: an unknown action in the head makes it validate the conditions for every action.
        """
        if interest.heads is None or not interest.heads <= self._actions.keys():
            return list(self._members)
        return [kind for kind in self._members if kind.groups & interest.heads]

    def _class_of(self, action: str, interest: Interest) -> _Signature:
        kind = self._kinds[action]
        seen = (self._signature(action, read) for read in interest.reads)
        return (kind.frame, kind.groups & interest.named, *seen)

    def _signature(self, action: str, read: Read) -> _Signature:
        key = (action, read)
        found = self._signatures.get(key)
        if found is None:
            found = self._signatures[key] = _seen(_context(self._actions[action]), read)
        return found


def _kind(definition: Mapping[str, Any]) -> _Kind:
    """The kind of an action; a group of actions applies to nothing."""
    applies = definition.get("appliesTo", {})
    arguments = _arguments(definition)
    if arguments is not None:
        context = applies["context"]
        bare = {**context["attributes"], ARGUMENTS: {**arguments, "attributes": {}}}
        applies = {**applies, "context": {**context, "attributes": bare}}
    return _Kind(
        json.dumps(applies, sort_keys=True), frozenset(group["id"] for group in definition.get("memberOf", ()))
    )


def _arguments(definition: Mapping[str, Any]) -> Mapping[str, Any] | None:
    found: Mapping[str, Any] | None = _context(definition).get("attributes", {}).get(ARGUMENTS)
    return found


def _context(definition: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = definition.get("appliesTo", {}).get("context", {})
    return found


def _fields(kind: Mapping[str, Any] | None) -> Mapping[str, Any]:
    return kind["attributes"] if kind is not None and kind.get("type") == "Record" else {}


def _is_declared(kind: Mapping[str, Any] | None, path: Path) -> bool:
    for name in path:
        kind = _fields(kind).get(name)
        if kind is None:
            return False
    return True


def _is_deep(read: Read) -> bool:
    return len(read.path) > 1 and read.path[0] == ARGUMENTS


def _reads_whole(interest: Interest) -> bool:
    return any(read.reading is Reading.VALUE and read.path in {(), (ARGUMENTS,)} for read in interest.reads)


def _order(read: Read) -> tuple[Path, str]:
    return (read.path, read.reading)


def _seen(kind: Mapping[str, Any], read: Read) -> _Signature:
    """What a read notices of a type: for each step whether it is there and required, for a value its whole type."""
    steps: list[object] = []
    for name in read.path:
        if kind.get("type") != "Record":
            return (*steps, json.dumps(kind, sort_keys=True))
        field = kind["attributes"].get(name)
        if field is None:
            return (*steps, None)
        steps.append(field.get("required", True))
        kind = field
    if read.reading is Reading.PRESENCE:
        return tuple(steps)
    return (*steps, json.dumps({**kind, "required": True}, sort_keys=True))
