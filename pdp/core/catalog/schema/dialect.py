"""The drafts of JSON Schema that a tool's schema may be written in, and which one it is."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final


class Dialect(StrEnum):
    """A draft, by the URI that `$schema` has for it."""

    DRAFT_4 = "http://json-schema.org/draft-04/schema"
    DRAFT_6 = "http://json-schema.org/draft-06/schema"
    DRAFT_7 = "http://json-schema.org/draft-07/schema"
    DRAFT_2019_09 = "https://json-schema.org/draft/2019-09/schema"
    DRAFT_2020_12 = "https://json-schema.org/draft/2020-12/schema"

    @property
    def is_alone_with_ref(self) -> bool:
        """Whether the members beside a `$ref` are ignored (draft 7, core 8.3)."""
        return self in {Dialect.DRAFT_4, Dialect.DRAFT_6, Dialect.DRAFT_7}


DEFAULT: Final = Dialect.DRAFT_2020_12
"""What a schema without `$schema` is written in (MCP, "JSON Schema Usage")."""


def dialect_of(schema: Mapping[str, Any]) -> Dialect:
    """The draft of `schema`.

    Raises:
        ValueError: `$schema` names none of these.

    """
    if "$schema" not in schema:
        return DEFAULT
    named = schema["$schema"]
    return Dialect(named.removesuffix("#") if isinstance(named, str) else "")
