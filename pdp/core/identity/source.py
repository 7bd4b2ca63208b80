"""Sources: from which claim a member of a principal comes, and what it is where that is missing."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
from msgspec import UNSET

from pdp.core.identity.attribute import MAX_MEMBERS, AttributeType, AttributeValue, NotOfTypeError, normal
from pdp.core.identity.condition import Paths
from pdp.core.identity.path import MISSING, ClaimError, first
from pdp.core.text.hidden_text import hidden_in_name

MAX_NAME: Final = 512
"""Characters of an id, and of a group's, role's, tenant's or agent's name."""

_SCOPE: Final = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,256}")


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The first of `claim` that is there; without any of them `default`, and without that it is an error.

    A text is split at `split` where several are wanted. Of each text `strip_prefix` is taken off, which it must
    have, and `prefix` is put before it.
    """

    claim: Paths = ()
    default: Any = UNSET
    split: str = ""
    strip_prefix: str = ""
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a member of a principal comes from: the path of a claim, "" for the default that was written."""

    member: str
    claim: str


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading of claims; `origins` are those of what was read."""

    claims: Mapping[str, Any]
    origins: list[Origin] = field(default_factory=list)

    def name(self, member: str, source: Source) -> str | None:
        """One name, None where the default says that there is none.

        Raises:
            ClaimError: there is nothing, or something else than one name.

        """
        where, value = self._found(member, source)
        return None if value is None else _name(_changed(value, source, where), where)

    def names(self, member: str, sources: Iterable[Source]) -> tuple[str, ...]:
        """The names of all `sources` together, sorted.

        Raises:
            ClaimError: as `name`, or there are too many.

        """
        found: set[str] = set()
        for source in sources:
            where, value = self._found(member, source)
            found.update(_name(_changed(item, source, where), where) for item in _items(value, source, where))
        if len(found) > MAX_MEMBERS:
            raise ClaimError(f"there are more than {MAX_MEMBERS} {member}")
        return tuple(sorted(found))

    def scopes(self, sources: Iterable[Source]) -> tuple[str, ...]:
        """The scopes of all `sources` together, sorted.

        Raises:
            ClaimError: as `names`, or one is no scope (RFC 6749, section 3.3).

        """
        found = self.names("scopes", sources)
        if not all(_SCOPE.fullmatch(scope) for scope in found):
            raise ClaimError("a scope has characters that none may have")
        return found

    def attribute(self, name: str, source: Source, kind: AttributeType) -> AttributeValue | None:
        """The attribute's value in its normal form, None where the default says that there is none.

        Raises:
            ClaimError: there is nothing, or something else than a value of `kind`.

        """
        where, value = self._found(f"attributes.{name}", source)
        if value is None:
            return None
        try:
            return normal(_parts(value, source, where, kind), kind)
        except NotOfTypeError as error:
            raise ClaimError(f"claim `{where}` {error}") from error

    def _found(self, member: str, source: Source) -> tuple[str, Any]:
        where, value = first(source.claim, self.claims)
        if value is MISSING:
            if source.default is UNSET:
                raise ClaimError(f"{_listed(source.claim)} missing, and `{member}` has no default")
            self.origins.append(Origin(member, ""))
            return "", source.default
        if value is None:
            raise ClaimError(f"claim `{where}` must not be null")
        self.origins.append(Origin(member, where))
        return where, value


def _parts(value: Any, source: Source, where: str, kind: AttributeType) -> Any:
    match kind:
        case AttributeType.STRING:
            return _changed(value, source, where) if isinstance(value, str) else value
        case AttributeType.STRINGS:
            return [_changed(item, source, where) for item in _items(value, source, where)]
        case _:
            return value


def _items(value: Any, source: Source, where: str) -> list[Any]:
    if source.split and isinstance(value, str):
        return [part for part in value.split(source.split) if part]
    if not isinstance(value, list | tuple):
        raise ClaimError(f"claim `{where}` must be an array of texts")
    return list(value)


def _changed(value: Any, source: Source, where: str) -> str:
    """A default is what it says; only claims are changed."""
    if not isinstance(value, str):
        raise ClaimError(f"claim `{where}` holds something that is no text")
    if not where:
        return value
    if not value.startswith(source.strip_prefix):
        raise ClaimError(f"claim `{where}` has a text that does not begin with `{source.strip_prefix}`")
    return source.prefix + value.removeprefix(source.strip_prefix)


def _name(value: str, where: str) -> str:
    if not 0 < len(value) <= MAX_NAME:
        raise ClaimError(f"claim `{where}` has a name that is empty or longer than {MAX_NAME} characters")
    if hidden_in_name(value):
        raise ClaimError(f"claim `{where}` has a name with characters that are not seen")
    return value


def _listed(paths: Paths) -> str:
    named = " and ".join(f"`{path}`" for path in paths)
    return f"claim {named} is" if len(paths) == 1 else f"claims {named} are"


def texts_of(sources: Iterable[Source]) -> Iterator[str]:
    """Every path that `sources` read."""
    for source in sources:
        yield from source.claim
