"""Arguments against the approved schema, marked ones brought to one form: step 3 of an enforcer's chain.

It stands here because policy tests take the same step before they ask for a decision.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import cachetools
import jsonschema_rs

from pdp.core.catalog.forms.form import FormError
from pdp.core.catalog.forms.host import normalise_host
from pdp.core.catalog.forms.path import normalise_path
from pdp.core.catalog.forms.url import normalise_url
from pdp.core.catalog.marks import changed_at, steps_of
from pdp.core.catalog.schema.json_schema import arguments_shape
from pdp.core.catalog.schema.shape import RecordOf
from pdp.core.catalog.schema.undeclared import undeclared
from pdp.core.catalog.schema.validator import MAX_SLOW_TEXT, Compiled, SchemaUnusableError, compiled
from pdp.core.catalog.schema.work import MAX_STEPS, characters
from pdp.core.catalog.tool import Mark, Tool, Undeclared
from pdp.core.contract.errors import ArgumentsError
from pdp.core.contract.exact_json import JsonObject
from pdp.core.contract.reason_code import ReasonCode

_VALIDATORS: Final = 8192
_MAX_SHOWN: Final = 5
_FEW: Final = 4096
"""Of a check of so many steps every violation is told."""
_FORMS: Final[Mapping[Mark, Callable[[str], str]]] = {
    Mark.PATH: normalise_path,
    Mark.URL: normalise_url,
    Mark.HOST: normalise_host,
}
"""How a marked text is brought to one form; a secret stays as it is."""


@dataclass(frozen=True, slots=True)
class _Approved:
    """What a tool's schema is, compiled once."""

    shape: RecordOf
    compiled: Compiled


class ArgumentChecker:
    """Checks arguments; compiles a tool's schema once."""

    def __init__(self) -> None:
        self._approved: cachetools.LRUCache[str, _Approved] = cachetools.LRUCache(_VALIDATORS)

    def check(self, tool: Tool, arguments: JsonObject) -> JsonObject:
        """`arguments` in the form that is decided and forwarded.

        Raises:
            ArgumentsError: an argument, or a member of a record in one, is undeclared; a text climbs out of
                what it names; or the schema is broken. The caller's text has paths and rules, never a value.

        """
        approved = self._of(tool)
        steps = _steps(approved.compiled, arguments)
        if tool.undeclared is Undeclared.REFUSE:
            stray = undeclared(arguments, approved.shape)
            if stray:
                raise _broken([f"`{_name(path)}` is not declared" for path in stray])
        normal = _normalised(arguments, tool.marks)
        if not approved.compiled.validator.is_valid(normal):
            raise _broken(list(_violations(approved.compiled, normal, steps)))
        return normal

    def _of(self, tool: Tool) -> _Approved:
        found = self._approved.get(tool.pin)
        if found is None:
            try:
                found = _Approved(arguments_shape(tool.input_schema), compiled(tool.input_schema))
            except SchemaUnusableError as error:
                raise ArgumentsError(
                    ReasonCode.ARGUMENTS_INVALID,
                    f"the approved schema of `{tool.id}` cannot be used: {error}",
                    caller_text="the tool's approved schema cannot be used",
                ) from error
            self._approved[tool.pin] = found
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


def _steps(compiled: Compiled, arguments: JsonObject) -> int:
    """The work that the check of `arguments` is at most.

    Raises:
        ArgumentsError: it is too much.

    """
    steps = compiled.work.of(arguments)
    if steps > MAX_STEPS:
        raise _broken(["they are too large for the tool's schema"])
    if compiled.quick is not None:
        met = {name: value for name, value in arguments.items() if name not in compiled.quick}
        if characters(met) > MAX_SLOW_TEXT:
            raise _broken(["they are too long for the patterns of the tool's schema"])
    return steps


def _violations(compiled: Compiled, arguments: JsonObject, steps: int) -> Iterator[str]:
    """Every rule that is broken, or of large arguments the first: each costs a thousand times its check."""
    validator = compiled.validator
    errors: Iterable[jsonschema_rs.ValidationError] = ()
    try:
        if steps <= _FEW:
            errors = validator.iter_errors(arguments)
        elif compiled.work.steps[-1] <= _FEW:
            validator.validate(arguments)
    except jsonschema_rs.ValidationError as error:
        errors = [error]
    found = [f"`{_pointer(error.instance_path)}` breaks `{_rule(error)}`" for error in errors]
    # INVARIANT: whatever the account of it says, what is not valid is refused.
    yield from found or ["`/` breaks `schema`"]


def _rule(error: jsonschema_rs.ValidationError) -> str:
    return str(error.schema_path[-1]) if error.schema_path else "schema"


def _name(path: Sequence[str]) -> str:
    """An argument by its name alone, what is inside one by its pointer."""
    return _shown(path[0]) if len(path) == 1 else _pointer(path)


def _pointer(path: Sequence[str | int]) -> str:
    return "/" + "/".join(_shown(str(part)) for part in path)


def _shown(name: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in name[:64])


def _broken(rules: list[str]) -> ArgumentsError:
    more = [f"and {len(rules) - _MAX_SHOWN} more"] if len(rules) > _MAX_SHOWN else []
    text = "invalid arguments: " + "; ".join([*rules[:_MAX_SHOWN], *more])
    return ArgumentsError(ReasonCode.ARGUMENTS_INVALID, text, caller_text=text)
