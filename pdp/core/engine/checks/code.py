"""The codes of problems in policies and links, and what each means."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from pdp.core.contract.errors import Severity


class Code(StrEnum):
    """What is wrong."""

    ENCODING = "encoding"
    TOO_LARGE = "too_large"
    HIDDEN_CHARACTER = "hidden_character"
    SYNTAX = "syntax"
    ID_MISSING = "id_missing"
    ID_INVALID = "id_invalid"
    ID_DUPLICATE = "id_duplicate"
    ANNOTATION_UNKNOWN = "annotation_unknown"
    VALIDATION = "validation"
    NAME_UNKNOWN = "name_unknown"
    NAME_SUSPECT = "name_suspect"
    ENTITY_UNKNOWN = "entity_unknown"
    ARGUMENT_UNKNOWN = "argument_unknown"
    LIKE_UNMARKED = "like_unmarked"
    PATTERN_UNMATCHABLE = "pattern_unmatchable"
    NEVER_MATCHES = "never_matches"
    ALWAYS_MATCHES = "always_matches"
    SHADOWED = "shadowed"
    LINK_INVALID = "link_invalid"
    TEMPLATE_UNKNOWN = "template_unknown"
    TEMPLATE_UNUSED = "template_unused"


@dataclass(frozen=True, slots=True)
class Rule:
    """What a code means, in one line, and what to do about it."""

    severity: Severity
    summary: str
    remedy: str


def _error(summary: str, remedy: str) -> Rule:
    return Rule(Severity.ERROR, summary, remedy)


def _warning(summary: str, remedy: str) -> Rule:
    return Rule(Severity.WARNING, summary, remedy)


RULES: Final[Mapping[Code, Rule]] = MappingProxyType(
    {
        Code.ENCODING: _error("the file is not UTF-8", "save it as UTF-8"),
        Code.TOO_LARGE: _error(
            "a policy or the sources are over a limit", "split the policy; name many values as a set"
        ),
        Code.HIDDEN_CHARACTER: _error(
            "an invisible character can make the policy look like another one", "remove it, or write it as an escape"
        ),
        Code.SYNTAX: _error("this is not Cedar", "see what was expected at the place shown"),
        Code.ID_MISSING: _error("a policy has no `@id`", 'put `@id("...")` before it'),
        Code.ID_INVALID: _error(
            "an id has characters that ids cannot have", "use letters, digits, `.`, `_`, `/` and `-`"
        ),
        Code.ID_DUPLICATE: _error("two policies, templates or links have one id", "give one of them another"),
        Code.ANNOTATION_UNKNOWN: _error("an annotation means nothing here", "remove it, or write it as documented"),
        Code.VALIDATION: _error("a condition does not fit the types of what it reads", "see the message"),
        Code.NAME_UNKNOWN: _error(
            "nothing has this name, so nothing would ever match", "correct it, or add what it names to the catalog"
        ),
        Code.NAME_SUSPECT: _warning(
            "a group, role or user is named once, and nearly as another is", "correct it, or acknowledge it"
        ),
        Code.ENTITY_UNKNOWN: _error(
            "of a principal that a condition names, parents and attributes are not known", "ask about `principal`"
        ),
        Code.ARGUMENT_UNKNOWN: _error(
            "no tool that the policy can be about has this argument", "correct the name, or the policy's scope"
        ),
        Code.LIKE_UNMARKED: _error(
            "`like` on an argument that is not brought to one form, so `..` and the like get past it",
            "mark the argument in `catalog.yaml`, or acknowledge it where it names no place",
        ),
        Code.PATTERN_UNMATCHABLE: _warning(
            "no value in the form that is decided on matches the pattern", "write the pattern in that form"
        ),
        Code.NEVER_MATCHES: _error("no request whatever matches the policy", "correct it, or remove it"),
        Code.ALWAYS_MATCHES: _warning("the conditions hold for every request", "correct them, or remove them"),
        Code.SHADOWED: _warning(
            "a `forbid` without conditions covers all that this `permit` allows", "remove one of the two"
        ),
        Code.LINK_INVALID: _error("a link is not as it must be", "see the message"),
        Code.TEMPLATE_UNKNOWN: _error("a link names a template that is not there", "correct the name"),
        Code.TEMPLATE_UNUSED: _warning("a template without links allows and forbids nothing", "link it, or remove it"),
    }
)

ACKNOWLEDGEABLE: Final = frozenset(
    {
        Code.ARGUMENT_UNKNOWN,
        Code.LIKE_UNMARKED,
        Code.NAME_SUSPECT,
        Code.ALWAYS_MATCHES,
        Code.SHADOWED,
        Code.NEVER_MATCHES,
        Code.PATTERN_UNMATCHABLE,
        Code.TEMPLATE_UNUSED,
    }
)
"""What `@acknowledge("...")` may name."""
