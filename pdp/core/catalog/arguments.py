"""Arguments against the approved schema, marked ones brought to one form: step 3 of an enforcer's chain.

It stands here because policy tests take the same step before they ask for a decision.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

import cachetools
import jsonschema_rs

from pdp.core.catalog.form import FormError
from pdp.core.catalog.host import normalise_host
from pdp.core.catalog.marks import changed_at, steps_of
from pdp.core.catalog.path import normalise_path
from pdp.core.catalog.tool import Mark, Tool
from pdp.core.catalog.url import normalise_url
from pdp.core.catalog.validator import SchemaUnusableError, compile_schema
from pdp.core.contract.errors import ArgumentsError
from pdp.core.contract.exact_json import JsonObject
from pdp.core.contract.reason_code import ReasonCode

_VALIDATORS: Final = 8192
_MAX_SHOWN: Final = 5
_FORMS: Final[Mapping[Mark, Callable[[str], str]]] = {
    Mark.PATH: normalise_path,
    Mark.URL: normalise_url,
    Mark.HOST: normalise_host,
}
"""How a marked text is brought to one form; a secret stays as it is."""


class ArgumentChecker:
    """Checks arguments; compiles a tool's schema once."""

    def __init__(self) -> None:
        self._validators: cachetools.LRUCache[str, jsonschema_rs.Validator] = cachetools.LRUCache(_VALIDATORS)

    def check(self, tool: Tool, arguments: JsonObject) -> JsonObject:
        """`arguments` in the form that is decided and forwarded.

        Raises:
            ArgumentsError: an argument is undeclared, climbs out of what it names, or breaks the schema;
                the caller's text has paths and rules, never a value.

        """
        declared = tool.input_schema.get("properties", {})
        undeclared = sorted(name for name in arguments if name not in declared)
        if undeclared:
            raise _broken([f"`{_shown(name)}` is not declared" for name in undeclared])
        normal = _normalised(arguments, tool.marks)
        errors = self._validator(tool).iter_errors(normal)
        broken = [f"`{_pointer(error.instance_path)}` breaks `{_rule(error)}`" for error in errors]
        if broken:
            raise _broken(broken)
        return normal

    def _validator(self, tool: Tool) -> jsonschema_rs.Validator:
        found = self._validators.get(tool.pin)
        if found is None:
            try:
                found = compile_schema(tool.input_schema)
            except SchemaUnusableError as error:
                raise ArgumentsError(
                    ReasonCode.ARGUMENTS_INVALID,
                    f"the approved schema of `{tool.id}` cannot be used: {error}",
                    caller_text="the tool's approved schema cannot be used",
                ) from error
            self._validators[tool.pin] = found
        return found


def can_be(text: str, mark: Mark | None) -> bool:
    """Whether an argument with `mark` can be `text` once it is checked: it is, when that is the one form of it."""
    form = None if mark is None else _FORMS.get(mark)
    try:
        return form is None or form(text) == text
    except FormError:
        return False


def _normalised(arguments: JsonObject, marks: Mapping[str, Mark]) -> JsonObject:
    """`arguments` with every marked text in the one form of its mark."""
    value: Any = arguments
    for key, mark in marks.items():
        form = _FORMS.get(mark)
        if form is not None:
            value = changed_at(value, steps_of(key), partial(_normal, key, form))
    return dict(value)


def _normal(key: str, form: Callable[[str], str], value: Any) -> Any:
    """`value` with every text in it, in lists at any depth too, in one form."""
    if isinstance(value, list):
        return [_normal(key, form, item) for item in value]
    if not isinstance(value, str):
        return value
    try:
        return form(value)
    except FormError as error:
        raise _broken([f"`{_shown(key)}`: {error}"]) from error


def _rule(error: jsonschema_rs.ValidationError) -> str:
    return str(error.schema_path[-1]) if error.schema_path else "schema"


def _pointer(path: list[str | int]) -> str:
    return "/" + "/".join(_shown(str(part)) for part in path)


def _shown(name: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in name[:64])


def _broken(rules: list[str]) -> ArgumentsError:
    more = [f"and {len(rules) - _MAX_SHOWN} more"] if len(rules) > _MAX_SHOWN else []
    text = "invalid arguments: " + "; ".join([*rules[:_MAX_SHOWN], *more])
    return ArgumentsError(ReasonCode.ARGUMENTS_INVALID, text, caller_text=text)
