"""Validators of approved schemas: no document but the schema itself is read, and no pattern runs away.

INVARIANT: an aborted match is an error of its own in the validator, never taken for a match or for none,
so within `not`, `if` or `patternProperties` it refuses too, unless the value is valid either way.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import jsonschema_rs

from pdp.core.catalog.schema.dialect import Dialect, dialect_of
from pdp.core.catalog.schema.reference import parts_of
from pdp.core.catalog.schema.work import Work, work_of

MAX_BACKTRACKS: Final = 2_000
"""Steps back in one match of a pattern with look-around or back-references, a slow one."""
MAX_SLOW_PATTERNS: Final = 16
MAX_SLOW_LENGTH: Final = 512
MAX_SLOW_TEXT: Final = 8192
"""Characters of the arguments that slow patterns may meet: each step back may cost as much as the text is long."""
MAX_PATTERN_BYTES: Final = 1024 * 1024
"""The size of one compiled pattern."""
_MAX_SHOWN: Final = 100

_LINEAR: Final = jsonschema_rs.RegexOptions(size_limit=MAX_PATTERN_BYTES, dfa_size_limit=MAX_PATTERN_BYTES)
_BACKTRACKING: Final = jsonschema_rs.FancyRegexOptions(
    backtrack_limit=MAX_BACKTRACKS, size_limit=MAX_PATTERN_BYTES, dfa_size_limit=MAX_PATTERN_BYTES
)
_VALIDATORS: Final[Mapping[Dialect, type[jsonschema_rs.Validator]]] = {
    Dialect.DRAFT_4: jsonschema_rs.Draft4Validator,
    Dialect.DRAFT_6: jsonschema_rs.Draft6Validator,
    Dialect.DRAFT_7: jsonschema_rs.Draft7Validator,
    Dialect.DRAFT_2019_09: jsonschema_rs.Draft201909Validator,
    Dialect.DRAFT_2020_12: jsonschema_rs.Draft202012Validator,
}
_REFERENCES: Final = frozenset({"$ref", "$dynamicRef", "$recursiveRef"})


class SchemaUnusableError(ValueError):
    """No validator can be made of a schema; the message is the reason, in one line."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """A validator, the work that it may be, and the arguments whose texts no pattern steps back in.

    `quick` is None where no pattern of the schema does.
    """

    validator: jsonschema_rs.Validator
    work: Work
    quick: frozenset[str] | None


def compile_schema(schema: Mapping[str, Any]) -> jsonschema_rs.Validator:
    """The validator of `schema`, in the draft that its `$schema` names.

    Raises:
        SchemaUnusableError: it is no schema of that draft, or of an unknown one; refers to another document,
            to nothing or for one value to itself; has a pattern that is malformed or too large, or too many
            that step back; or is too much work.

    """
    return compiled(schema).validator


def compiled(schema: Mapping[str, Any]) -> Compiled:
    """As `compile_schema`, with what is known of its cost."""
    try:
        dialect = dialect_of(schema)
    except ValueError:
        raise SchemaUnusableError("`$schema` names no draft that is known here") from None
    validator, quick = _validated(schema, dialect, _LINEAR), None
    if validator is None:
        quick = _quick(schema)
        validator = _validated(schema, dialect, _BACKTRACKING)
    if validator is None:
        raise SchemaUnusableError("a pattern is malformed or too large")
    try:
        return Compiled(validator, work_of(schema), quick)
    except ValueError as error:
        raise SchemaUnusableError(str(error)) from error


def _validated(
    schema: Mapping[str, Any], dialect: Dialect, options: jsonschema_rs.RegexOptions | jsonschema_rs.FancyRegexOptions
) -> jsonschema_rs.Validator | None:
    """The validator with these options, None where a pattern is not for them."""
    try:
        return _compiled(schema, dialect, options)
    except jsonschema_rs.ValidationError as error:
        if isinstance(error.kind, jsonschema_rs.ValidationErrorKind.Format):
            return None
        raise SchemaUnusableError(_reason(error)) from error
    except ValueError as error:
        raise SchemaUnusableError("it nests too deep, or is no JSON") from error


def _quick(schema: Mapping[str, Any]) -> frozenset[str]:
    """The arguments that no slow pattern can reach, as far as can be told without following references.

    Raises:
        SchemaUnusableError: there are too many slow patterns, or one is too long.

    """
    slow = {pattern for part in parts_of(schema) for pattern in _patterns(part) if _is_slow(pattern)}
    if len(slow) > MAX_SLOW_PATTERNS or any(len(pattern) > MAX_SLOW_LENGTH for pattern in slow):
        raise SchemaUnusableError(
            f"more than {MAX_SLOW_PATTERNS} patterns look around or back, or one is over {MAX_SLOW_LENGTH} characters"
        )
    properties = schema.get("properties")
    around = {name: part for name, part in schema.items() if name not in {"properties", "$defs", "definitions"}}
    if not isinstance(properties, Mapping) or _may_reach(around, slow):
        return frozenset()
    return frozenset(name for name, part in properties.items() if not _may_reach(part, slow))


def _may_reach(schema: object, slow: set[str]) -> bool:
    parts = tuple(parts_of(schema))
    return any(not _REFERENCES.isdisjoint(part) or not slow.isdisjoint(_patterns(part)) for part in parts)


def _patterns(part: Mapping[str, Any]) -> Iterator[str]:
    if isinstance(part.get("pattern"), str):
        yield part["pattern"]
    if isinstance(part.get("patternProperties"), Mapping):
        yield from part["patternProperties"]


def _is_slow(pattern: str) -> bool:
    try:
        jsonschema_rs.Draft202012Validator({"pattern": pattern}, validate_formats=False, pattern_options=_LINEAR)
    except (jsonschema_rs.ValidationError, ValueError):
        return True
    return False


def _compiled(
    schema: Mapping[str, Any], dialect: Dialect, options: jsonschema_rs.RegexOptions | jsonschema_rs.FancyRegexOptions
) -> jsonschema_rs.Validator:
    return _VALIDATORS[dialect](
        dict(schema),
        retriever=_refuse,
        validate_formats=False,
        pattern_options=options,
    )


def _refuse(_uri: str) -> Any:
    raise ValueError("a schema must not refer to another document")


def _reason(error: jsonschema_rs.ValidationError) -> str:
    place = "/" + "/".join(_shown(str(part)) for part in error.instance_path)
    match error.kind:
        case jsonschema_rs.ValidationErrorKind.Referencing():
            return "it refers to another document, or to nothing"
        case _:
            return f"it is no JSON Schema at `{place}`"


def _shown(name: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in name[:_MAX_SHOWN])
