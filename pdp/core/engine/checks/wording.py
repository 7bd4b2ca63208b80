"""What Cedar says of a policy, in words for those who write policies."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from pdp.core.contract.checked_call import TOOLS_LIST
from pdp.core.engine.checks.action_classes import ARGUMENTS
from pdp.core.engine.checks.strict import Complaint

_NAMED: Final = 3
_WORDING: Final[tuple[tuple[re.Pattern[str], Callable[[re.Match[str], str], str]], ...]] = (
    (
        re.compile(r"attribute `(?P<place>.+)` in context not found", re.DOTALL),
        lambda found, actions: _absent(found["place"], actions),
    ),
    (
        re.compile(r"unable to guarantee safety of access to optional attribute `(?P<place>.+)` in context", re.DOTALL),
        lambda found, actions: _optional(f"context.{found['place']}", actions),
    ),
    (
        re.compile(
            r"unable to guarantee safety of access to optional attribute `(?P<name>.+)` on entity type `(?P<type>.+)`",
            re.DOTALL,
        ),
        lambda found, types: f"`{found['name']}` of {types} may be absent: write `has {found['name']} &&` before it",
    ),
    (
        re.compile(r"error during extension function argument validation: (?P<why>.+)", re.DOTALL),
        lambda found, _: found["why"],
    ),
    (
        re.compile(r"attribute `(?P<name>.+)` on entity type `(?P<type>.+)` not found", re.DOTALL),
        lambda found, types: f"there is no attribute `{found['name']}` of {types}",
    ),
    (
        re.compile(r"the types (?P<left>.+) and (?P<right>.+) are not compatible", re.DOTALL),
        lambda found, _: f"{_type(found['left'])} and {_type(found['right'])} do not go together",
    ),
    (
        re.compile(r"unexpected type: expected (?P<wanted>.+) but saw (?P<seen>.+)", re.DOTALL),
        lambda found, _: f"this must be {_type(found['wanted'])}, and is {_type(found['seen'])}",
    ),
)
_ABOUT_TYPE: Final = re.compile(r" on entity type `(?P<type>[^`]+)`")


@dataclass(frozen=True, slots=True)
class Objection:
    """All that Cedar says of one thing in a policy; `raw` is its sentence, `name` the attribute that it names."""

    raw: str
    message: str
    name: str | None


def objections(complaints: Iterable[Complaint]) -> list[Objection]:
    """One objection for each sentence, whatever the number of actions and entity types that it is about."""
    actions: dict[str, set[str]] = {}
    types: dict[str, dict[str, str]] = {}
    for complaint in complaints:
        about = _ABOUT_TYPE.search(complaint.text)
        shape = complaint.text if about is None else _ABOUT_TYPE.sub(" on entity type", complaint.text)
        types.setdefault(shape, {})[complaint.text] = "" if about is None else about["type"]
        actions.setdefault(shape, set()).update({complaint.action} - {""})
    return [
        Objection(min(said), _worded(min(said), sorted(actions[shape]), sorted(said.values())), attribute_of(min(said)))
        for shape, said in types.items()
    ]


def attribute_of(raw: str) -> str | None:
    """The attribute that Cedar's sentence is about, as a path with dots, None where it is about none."""
    for pattern, _ in _WORDING:
        found = pattern.fullmatch(raw)
        if found is not None:
            return found.groupdict().get("place") or found.groupdict().get("name")
    return None


def _worded(raw: str, actions: list[str], types: list[str]) -> str:
    for pattern, word in _WORDING:
        found = pattern.fullmatch(raw)
        if found is not None:
            return word(found, _listed(actions or types))
    return raw


def _listed(actions: list[str]) -> str:
    shown = ", ".join(f"`{action}`" for action in actions[:_NAMED])
    return f"{shown} and {len(actions) - _NAMED} more" if len(actions) > _NAMED else shown


def _absent(place: str, actions: str) -> str:
    base, _, name = f"context.{place}".rpartition(".")
    if place == ARGUMENTS and actions == f"`{TOOLS_LIST}`":
        return "lists of tools have no arguments: let the scope name tools, or `action in` the group of calls"
    if base.startswith(f"context.{ARGUMENTS}"):
        return f"`{base}` has no `{name}` for {actions}: write `{base} has {name} &&` before it, or name the tools"
    return f"`{base}` has no `{name}` for {actions}"


def _optional(place: str, actions: str) -> str:
    base, _, name = place.rpartition(".")
    return f"`{place}` may be absent for {actions}: write `{base} has {name} &&` before it"


def _type(text: str) -> str:
    """Cedar's name of a type, with an article; its checker's own types have names nobody wrote."""
    plain = text.replace("__cedar::internal::AnyEntity", "an entity")
    plain = re.sub(r"__cedar::internal::OpenRecord\{[^}]*\}|\{\}", "a record", plain).replace(", or ", " or ")
    if plain == text and re.fullmatch(r"[A-Za-z]+", text):
        return f"an {text}" if text[0] in "AEIOUaeiou" else f"a {text}"
    return plain if plain != text else f"`{text}`"
