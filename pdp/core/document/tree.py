"""What a YAML file says, and where it says it."""

from dataclasses import dataclass, field
from typing import Any, TypeAlias

from pdp.core.contract.errors import Problem

SettingPath: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class DocumentLimits:
    """Bounds on one file: `max_bytes` of UTF-8 text, `max_depth` levels, `max_nodes` keys and values."""

    max_bytes: int = 1024 * 1024
    max_depth: int = 32
    max_nodes: int = 50_000


@dataclass(frozen=True, slots=True)
class Position:
    """Where something starts in its file; both count from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Document:
    """What a file says: its tree, where keys and values stand, and all that is wrong with it.

    A path in `broken` holds no value worth judging: a problem there was reported already.
    """

    tree: Any
    values: dict[SettingPath, Position] = field(default_factory=dict)
    keys: dict[SettingPath, Position] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    broken: set[SettingPath] = field(default_factory=set)
