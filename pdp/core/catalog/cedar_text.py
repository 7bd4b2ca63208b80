"""The readable syntax of a Cedar schema that is given in Cedar's JSON form (Cedar's "Schema syntax").

INVARIANT: the text says the same as the JSON form; a member that has no place in the text here is refused.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_RESERVED: Final = frozenset({"true", "false", "if", "then", "else", "in", "is", "like", "has", "__cedar"})
_ESCAPES: Final[Mapping[str, str]] = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_SCALARS: Final[Mapping[str, str]] = {"String": "String", "Long": "Long", "Boolean": "Bool"}
_STEP: Final = "  "


def cedar_text(schema: Mapping[str, Any]) -> str:
    """The text of `schema`, in its order; characters that cannot be seen are escaped.

    Raises:
        ValueError: it has a member that is not known here.

    """
    blocks = []
    for namespace, parts in schema.items():
        known = _members(parts, "entityTypes", "actions")
        lines = [
            *(_entity_type(name, part) for name, part in known["entityTypes"].items()),
            *(_action(name, part) for name, part in known["actions"].items()),
        ]
        blocks.append(f"namespace {namespace} {{\n" + "".join(f"{_STEP}{line};\n" for line in lines) + "}\n")
    return "\n".join(blocks)


def quoted(text: str) -> str:
    """`text` as a literal of Cedar's."""
    return '"' + "".join(_escaped(character) for character in text) + '"'


def is_plain(name: str) -> bool:
    """Whether an attribute's name needs no quotes."""
    return _NAME.fullmatch(name) is not None and name not in _RESERVED


def _escaped(character: str) -> str:
    known = _ESCAPES.get(character)
    if known is not None:
        return known
    return character if character.isprintable() else f"\\u{{{ord(character):x}}}"


def _entity_type(name: str, part: Mapping[str, Any]) -> str:
    known = _members(part, "memberOfTypes", "shape")
    parents = f" in {_list(known['memberOfTypes'])}" if known["memberOfTypes"] else ""
    shape = f" {_type(known['shape'], depth=1)}" if known["shape"] else ""
    return f"entity {name}{parents}{shape}"


def _action(name: str, part: Mapping[str, Any]) -> str:
    known = _members(part, "memberOf", "appliesTo")
    groups = [quoted(_members(group, "id")["id"]) for group in known["memberOf"] or ()]
    member = f" in {_list(groups)}" if groups else ""
    if not known["appliesTo"]:
        return f"action {quoted(name)}{member}"
    applies = _members(known["appliesTo"], "principalTypes", "resourceTypes", "context")
    inner = _braced(
        [
            f"principal: {_list(applies['principalTypes'])}",
            f"resource: {_list(applies['resourceTypes'])}",
            f"context: {_type(applies['context'], depth=2)}",
        ],
        depth=1,
    )
    return f"action {quoted(name)}{member} appliesTo {inner}"


def _type(part: Mapping[str, Any], *, depth: int) -> str:
    """The type without its `required`, which an attribute's name shows."""
    match part:
        case {"type": "Record", "attributes": attributes}:
            _members(part, "type", "attributes", "required")
            return _braced(_attributes(attributes, depth=depth + 1), depth=depth)
        case {"type": "Set", "element": element}:
            _members(part, "type", "element", "required")
            return f"Set<{_type(element, depth=depth)}>"
        case {"type": "Entity" | "Extension", "name": str() as name}:
            _members(part, "type", "name", "required")
            return name
        case {"type": str() as name} if name in _SCALARS:
            _members(part, "type", "required")
            return _SCALARS[name]
        case _:
            raise ValueError("a type of the schema has no form in Cedar's syntax")


def _attributes(attributes: Mapping[str, Any], *, depth: int) -> Iterator[str]:
    for name, part in attributes.items():
        shown = name if is_plain(name) else quoted(name)
        yield f"{shown}{'' if part.get('required', True) else '?'}: {_type(part, depth=depth)}"


def _braced(lines: Iterable[str], *, depth: int) -> str:
    inner = f",\n{_STEP * (depth + 1)}".join(lines)
    return f"{{\n{_STEP * (depth + 1)}{inner}\n{_STEP * depth}}}" if inner else "{}"


def _list(names: Iterable[str]) -> str:
    return f"[{', '.join(names)}]"


def _members(part: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """The members called `names`, None where there is none.

    Raises:
        ValueError: there are others.

    """
    strange = sorted(set(part) - set(names))
    if strange:
        raise ValueError(f"`{strange[0]}` has no form in Cedar's syntax")
    return {name: part.get(name) for name in names}
