"""Sources as `identity.yaml` writes them."""

from enum import StrEnum
from typing import Any, Final, TypeAlias

from msgspec import UNSET

from pdp.core.document.sections import Sections, where
from pdp.core.document.tree import SettingPath
from pdp.core.identity.attribute import AttributeType, NotOfTypeError, normal
from pdp.core.identity.path import PathError, read_path
from pdp.core.identity.source import Source


class Wanted(StrEnum):
    """What a source that is no attribute's gives."""

    ID = "id"
    NAME = "name"
    NAMES = "names"


Kind: TypeAlias = Wanted | AttributeType

_SEVERAL: Final[frozenset[Kind]] = frozenset({Wanted.NAMES, AttributeType.STRINGS, AttributeType.LONGS})
_TEXTS: Final[frozenset[Kind]] = frozenset({*Wanted, AttributeType.STRING, AttributeType.STRINGS})


def read_claim(sections: Sections, value: Any, at: SettingPath) -> tuple[str, ...]:
    """One path or several, of which the first counts that is there."""
    listed = sections.take([value] if isinstance(value, str) else value, tuple[str, ...], at) or ()
    for text in listed:
        try:
            read_path(text)
        except PathError as error:
            sections.report(at, str(error))
    return tuple(listed)


def read_sources(sections: Sections, value: Any, at: SettingPath) -> tuple[Source, ...]:
    """One source or a list of them, whose names are taken together."""
    listed = value if isinstance(value, list) else [value]
    if not listed:
        sections.report(at, f"{where(at)} names no source: leave it out where there are none")
    places = [(*at, index) for index in range(len(listed))] if isinstance(value, list) else [at]
    read = [read_source(sections, part, place, wanted=Wanted.NAMES) for part, place in zip(listed, places, strict=True)]
    return tuple(source for source in read if source is not None)


def read_source(sections: Sections, value: Any, at: SettingPath, *, wanted: Kind) -> Source | None:
    """The source at `at` of what is `wanted`, None where something in it is wrong."""

    def claim(part: Any, place: SettingPath) -> tuple[str, ...]:
        return read_claim(sections, part, place)

    def default(part: Any, place: SettingPath) -> Any:
        return _default(sections, part, place, wanted)

    source = sections.struct(value, Source, at, claim=claim, default=default)
    if source is None:
        return None
    problems = [*_misplaced(source, wanted)]
    for member, message in problems:
        sections.report((*at, member), message)
    return None if problems else source


def _misplaced(source: Source, wanted: Kind) -> list[tuple[str, str]]:
    found = []
    if not source.claim and source.default is UNSET:
        found.append(("claim", "a source needs `claim`, or a `default` that always counts"))
    if wanted is Wanted.ID and (source.default is not UNSET or not source.claim):
        found.append(("default", "an `id` has no default: many would be one"))
    if wanted not in _SEVERAL and any(path.endswith("[*]") for path in source.claim):
        found.append(("claim", "one value is wanted here, and `[*]` is several"))
    if source.split and wanted not in {Wanted.NAMES, AttributeType.STRINGS}:
        found.append(("split", "only texts of which several are wanted are split"))
    if wanted not in _TEXTS:
        changed = [name for name in ("prefix", "strip_prefix") if getattr(source, name)]
        found += [(name, "only texts have prefixes") for name in changed]
    return found


def _default(sections: Sections, value: Any, at: SettingPath, wanted: Kind) -> Any:
    """A default is as the claim must be; null, that there is none, only where that can be told from a value."""
    if value is None and wanted is not Wanted.NAMES:
        return None
    match wanted:
        case Wanted.NAMES:
            return sections.take(value, list[str], at)
        case Wanted.NAME | Wanted.ID:
            return sections.take(value, str, at)
        case _:
            try:
                found = normal(value, wanted)
            except NotOfTypeError as error:
                sections.report(at, f"{where(at)} {error}")
                return None
            return list(found) if isinstance(found, tuple) else found
