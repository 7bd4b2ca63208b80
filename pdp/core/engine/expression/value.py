"""Cedar's values in Python: compared as Cedar compares, so that `1`, `true` and `"1"` all differ."""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeAlias

from pdp.core.engine.cedar import EntityUid
from pdp.core.engine.expression import extension
from pdp.core.engine.expression.extension import FixedDecimal, Instant, IpRange, Span


class _Flag(Enum):
    """A boolean within a set or record, where Python's `True` would be its `1`."""

    FALSE = False
    TRUE = True


_ESCAPES = frozenset({"__entity", "__extn", "__expr"})
_FLAGS = {False: _Flag.FALSE, True: _Flag.TRUE}


@dataclass(frozen=True, slots=True)
class SetValue:
    """A set of values of any types."""

    keys: frozenset[Hashable]

    @staticmethod
    def of(elements: Iterable["Value"]) -> "SetValue":
        """The set of `elements`."""
        return SetValue(frozenset(key(element) for element in elements))

    def __contains__(self, value: "Value") -> bool:
        return key(value) in self.keys

    def __iter__(self) -> Iterator["Value"]:
        return (each.value if isinstance(each, _Flag) else each for each in self.keys)  # type: ignore[misc]


@dataclass(frozen=True, slots=True, eq=False)
class RecordValue:
    """A record, all of it known."""

    fields: Mapping[str, "Value"]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RecordValue) and self._keys() == other._keys()

    def __hash__(self) -> int:
        return hash(frozenset(self._keys().items()))

    def _keys(self) -> dict[str, Hashable]:
        return {name: key(value) for name, value in self.fields.items()}


Value: TypeAlias = bool | int | str | EntityUid | SetValue | RecordValue | FixedDecimal | IpRange | Instant | Span


def key(value: Value) -> Hashable:
    """`value` as it stands in sets: equal for equal values alone."""
    return _FLAGS[value] if isinstance(value, bool) else value


def same(left: Value, right: Value) -> bool:
    """Whether the two are equal to Cedar."""
    return type(left) is type(right) and left == right


def value_of(form: Any) -> Value:
    """The value that Cedar's JSON form `form` spells.

    Raises:
        ValueError: it spells none.

    """
    match form:
        case bool() | int() | str():
            return form
        case list():
            return SetValue.of([value_of(item) for item in form])
        case {"__entity": {"type": str(kind), "id": str(name)}}:
            return EntityUid(kind, name)
        case {"__extn": {"fn": str(function), "arg": str(text)}} if function in _READERS:
            return _READERS[function](text)
        case dict() if _ESCAPES.isdisjoint(form):
            return RecordValue({name: value_of(item) for name, item in form.items()})
        case _:
            raise ValueError("no value of Cedar's")


_READERS: Mapping[str, Callable[[str], Value]] = {
    "decimal": extension.decimal,
    "ip": extension.ip,
    "datetime": extension.datetime,
    "duration": extension.duration,
}
