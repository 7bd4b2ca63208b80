"""Validators of approved schemas: no document but the schema itself is read, and no pattern runs away.

INVARIANT: an aborted match is an error of its own in the validator, never taken for a match or for none,
so within `not`, `if` or `patternProperties` it refuses too.
"""

from collections.abc import Mapping
from typing import Any, Final

import jsonschema_rs

from pdp.core.catalog.dialect import Dialect, dialect_of

MAX_BACKTRACKS: Final = 5_000
"""Steps back in one match of a pattern with look-around or back-references."""
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


class SchemaUnusableError(ValueError):
    """No validator can be made of a schema; the message is the reason, in one line."""


def compile_schema(schema: Mapping[str, Any]) -> jsonschema_rs.Validator:
    """The validator of `schema`, in the draft that its `$schema` names.

    Raises:
        SchemaUnusableError: it is no schema of that draft, or of an unknown one; refers to another document
            or to nothing; or has a pattern that is malformed or too large.

    """
    try:
        dialect = dialect_of(schema)
    except ValueError:
        raise SchemaUnusableError("`$schema` names no draft that is known here") from None
    try:
        return _compiled(schema, dialect, _LINEAR)
    except jsonschema_rs.ValidationError as error:
        if not isinstance(error.kind, jsonschema_rs.ValidationErrorKind.Format):
            raise SchemaUnusableError(_reason(error)) from error
    except ValueError as error:
        raise SchemaUnusableError(_limit(error)) from error
    try:
        return _compiled(schema, dialect, _BACKTRACKING)
    except jsonschema_rs.ValidationError as error:
        raise SchemaUnusableError(_reason(error)) from error
    except ValueError as error:
        raise SchemaUnusableError(_limit(error)) from error


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
        case jsonschema_rs.ValidationErrorKind.Format():
            return f"the pattern at `{place}` is malformed or too large"
        case _:
            return f"it is no JSON Schema at `{place}`"


def _limit(_error: ValueError) -> str:
    return "it nests too deep, or is no JSON"


def _shown(name: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in name[:_MAX_SHOWN])
