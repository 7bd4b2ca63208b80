"""Policies with one thing changed, in Cedar's JSON form: what a test of the original has to notice."""

from collections.abc import Iterator
from typing import Any

_ALL = {"op": "All"}
_SHIFTED = {
    "<": "<=",
    "<=": "<",
    ">": ">=",
    ">=": ">",
    "lessThan": "lessThanOrEqual",
    "lessThanOrEqual": "lessThan",
    "greaterThan": "greaterThanOrEqual",
    "greaterThanOrEqual": "greaterThan",
}


def mutants(form: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every mutant of one policy with what was done to it.

    A constraint of the scope, an action of a list, a clause, one side of `&&` and `||`, an element of a set
    or the `/` before a pattern's last star is taken away; a comparison's boundary is moved.
    """
    for part in ("principal", "resource"):
        if form[part] != _ALL:
            yield f"any {part}", {**form, part: _ALL}
    actions = form["action"].get("entities", [])
    for index, action in enumerate(actions):
        if len(actions) > 1:
            fewer = {"op": "in", "entities": _without(actions, index)}
            yield f"not {action['id']}", {**form, "action": fewer}
    for index, condition in enumerate(form["conditions"]):
        yield f"no clause {index + 1}", {**form, "conditions": _without(form["conditions"], index)}
        for what, body in _variants(condition["body"]):
            changed = [*form["conditions"]]
            changed[index] = {**condition, "body": body}
            yield f"clause {index + 1} {what}", {**form, "conditions": changed}


def _variants(node: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(node, list):
        for index, item in enumerate(node):
            for what, variant in _variants(item):
                yield what, [*node[:index], variant, *node[index + 1 :]]
    elif isinstance(node, dict):
        for operator, operands in node.items():
            yield from _of_operator(operator, operands)
            for what, variant in _variants(operands):
                yield what, {**node, operator: variant}


def _of_operator(operator: str, operands: Any) -> Iterator[tuple[str, Any]]:
    if operator in {"&&", "||"}:
        yield f"left of {operator}", operands["left"]
        yield f"right of {operator}", operands["right"]
    elif operator in _SHIFTED:
        yield f"{_SHIFTED[operator]} for {operator}", {_SHIFTED[operator]: operands}
    elif operator == "Set" and len(operands) > 1:
        for index in range(len(operands)):
            yield f"without element {index + 1}", {"Set": _without(operands, index)}
    elif operator == "like" and operands["pattern"][-2:] == [{"Literal": "/"}, "Wildcard"]:
        yield "prefix for directory", {"like": {**operands, "pattern": [*operands["pattern"][:-2], "Wildcard"]}}


def _without(items: list[Any], index: int) -> list[Any]:
    return [*items[:index], *items[index + 1 :]]
