"""Expressions, entities and contexts, well-typed and not, that Cedar and our interpreter both evaluate."""

from collections.abc import Callable, Sequence
from random import Random
from typing import Any, TypeVar

from pdp.core.engine.cedar import EntityUid, pst

T = TypeVar("T")

MAX_LONG = 2**63 - 1
MIN_LONG = -(2**63)

USERS = [EntityUid("User", name) for name in ("ann", "bob", "gone")]
GROUPS = [EntityUid("Group", name) for name in ("red", "blue", "gone")]
ANN = USERS[0]
VIEW = EntityUid("Action", "view")
PHOTO = EntityUid("Photo", "sun")

LONGS = [0, 1, -1, 2, 7, MAX_LONG, MIN_LONG, 4611686018427387904]
STRINGS = ["", "a", "ab", "a*b", "é", "abab", "10.0.0.1", "1.5", "2024-01-01", "1h"]
DECIMALS = ["0.0", "1.5", "1.50", "-1.5", "922337203685477.5807", "-922337203685477.5808"]
IPS = ["10.0.0.1", "10.0.0.1/8", "10.0.0.0/8", "127.0.0.1", "::1", "ff00::/8", "224.0.0.0/4", "0.0.0.0/0", "1::/0"]
INSTANTS = ["2024-01-01", "2024-01-01T00:00:00Z", "0000-02-29", "9999-12-31T23:59:59.999-2359", "1969-12-31T10:00:00Z"]
SPANS = ["1h", "60m", "-1d", "1d2h3m4s5ms", "9223372036854775807ms", "-9223372036854775808ms", "0ms"]
_ODD_NUMBERS = """
922337203685477.5808|-922337203685477.5809|1|.5|1.|1.23456|-0.0|00001.5|1.5 |+1.0|1e5|1,5|--1.0|\u0663.\u0665
"""
_ODD_ADDRESSES = """
10.0.0.256|10.0.0.01|1.2.3|::ffff:1.2.3.4|fe80::1%1|10.0.0.1/33|10.0.0.1/08|1::2/129|1:2:3:4:5:6:7::|1:2:3:4:5:6:7::8
1:2:3:4:5:6:7:8|::1/|/8|1.1.1.1/8/8|FF00::AB/16|1::2::3|:::|127.0.0.1/7|127.255.0.0/16|225.0.0.0/3|\u0661.1.1.1|::1.2
0000:0000:0000:0000:0000:0000:0000:00001|0000:0000:0000:0000:0000:0000:0000:0001/128|::1/0|1.2.3.4/0|1.2.3.4/-1
"""
_ODD_DATES = """
2024-02-30|2023-02-29|2024-01-01T24:00:00Z|2024-01-01T00:00:60Z|2024-01-01T00:00:00|0000-00-01|9999-12-31|2024-1-01
2024-01-01T00:00:00+2400|2024-01-01T00:00:00+0060|2024-01-01T00:00:00.12Z|2024-01-01 |2024-01-01T00:00:00.999+2359
0000-01-01T00:00:00.000+2359|0400-02-29|0100-02-29|2024-01-01t00:00:00Z|2024-01-01T00:00:00z|\u0662024-01-01
"""
_ODD_SPANS = """
1h1d|-|1|9223372036854775808ms|-9223372036854775809ms|1D|--1d|+1d|1 d|18446744073709551616d|9223372036854775d
106751991167d7h12m55s807ms|106751991167d7h12m55s808ms|-106751991167d7h12m55s808ms|-0d|1m1m|1s2ms
"""
_LONG_TEXTS = [
    "0" * 5000 + "1.0",
    "9" * 5000 + ".0",
    "0" * 5000 + "1ms",
    "",
    "1.5\n",
    "1d\n",
    "2024-01-01\n",
    "10.0.0.1\n",
]


def _texts(*lines: str) -> list[str]:
    return [text for each in lines for line in each.split("\n") for text in line.split("|")] + _LONG_TEXTS


ODD = {
    "decimal": _texts(_ODD_NUMBERS),
    "ip": _texts(_ODD_ADDRESSES),
    "datetime": _texts(_ODD_DATES),
    "duration": _texts(_ODD_SPANS),
}

KINDS = ("bool", "long", "string", "entity", "set", "record", "decimal", "ip", "instant", "span")
_READERS: dict[str, tuple[Any, list[str]]] = {
    "decimal": ("decimal", DECIMALS),
    "ip": ("ip", IPS),
    "instant": ("datetime", INSTANTS),
    "span": ("duration", SPANS),
}
_CONTEXT = pst.Var("context")
_UNITS = ("milliseconds", "seconds", "minutes", "hours", "days")


class Expressions:
    """Makes expressions; one part in `oddity` has another type than its place asks for."""

    def __init__(self, random: Random, *, oddity: int = 50) -> None:
        self._random = random
        self._oddity = oddity

    def of(self, kind: str, depth: int) -> pst.Expr:
        """An expression that comes to a `kind` when nothing goes wrong."""
        if self._random.randrange(self._oddity) == 0:
            kind = self._pick(KINDS)
        choice = self._random.random()
        if depth == 0 or choice < 0.15:
            return self._attribute(kind) if self._random.random() < 0.5 else self._literal(kind)
        if choice < 0.22:
            return pst.IfThenElse(self.of("bool", depth - 1), self.of(kind, depth - 1), self.of(kind, depth - 1))
        if choice < 0.26:
            return pst.GetAttr(pst.Record({"f": self.of(kind, depth - 1), "g": self._literal("long")}), "f")
        if choice < 0.3:
            guard = pst.HasAttr(_CONTEXT, (kind,))
            return pst.IfThenElse(guard, pst.GetAttr(_CONTEXT, kind), self._literal(kind))
        return self._operation(kind, depth - 1)

    def _pick(self, items: Sequence[T]) -> T:
        return self._random.choice(items)

    def _one(self, *exprs: pst.Expr) -> pst.Expr:
        return self._random.choice(exprs)

    def _some(self, make: Callable[[], T], most: int) -> tuple[T, ...]:
        return tuple(make() for _ in range(self._random.randint(0, most)))

    def _attribute(self, kind: str) -> pst.Expr:
        base = self._one(_CONTEXT, _CONTEXT, _CONTEXT, pst.GetAttr(_CONTEXT, "inner"), pst.Var("principal"))
        return pst.GetAttr(base, kind)

    def _literal(self, kind: str) -> pst.Expr:
        match kind:
            case "bool":
                return pst.BoolLit(self._pick([True, False]))
            case "long":
                return pst.LongLit(self._pick(LONGS))
            case "string":
                return pst.StringLit(self._pick(STRINGS))
            case "entity":
                names = [pst.EntityLit(pst.EntityUid(pst.EntityType(uid.type), uid.id)) for uid in USERS + GROUPS]
                return self._one(pst.Var("principal"), pst.Var("principal"), pst.Var("resource"), *names)
            case "set":
                return pst.Set(self._some(lambda: pst.LongLit(self._pick(LONGS[:4])), 3))
            case "record":
                return pst.Record({"a": pst.LongLit(1)})
            case _:
                function, texts = _READERS[kind]
                odd = self._random.random() < 0.1
                return pst.UnaryOp(function, pst.StringLit(self._pick(ODD[function] if odd else texts)))

    def _call(self, op: Any, *kinds: str, depth: int) -> pst.Expr:
        operands = [self.of(kind, depth) for kind in kinds]
        return pst.UnaryOp(op, *operands) if len(operands) == 1 else pst.BinaryOp(op, *operands)

    def _operation(self, kind: str, depth: int) -> pst.Expr:
        match kind:
            case "bool":
                return self._condition(depth)
            case "long":
                op = self._pick(["add", "sub", "mul"])
                unit = self._call(f"to_{self._pick(_UNITS)}", "span", depth=depth)
                neg = self._call("neg", "long", depth=depth)
                return self._pick([self._call(op, "long", "long", depth=depth), unit, neg])
            case "string":
                return self._call("get_tag", "entity", "string", depth=depth)
            case "set":
                return pst.Set(self._some(lambda: self.of(self._pick(["long", "long", *KINDS]), depth), 3))
            case "record":
                fields = self._some(
                    lambda: (self._pick(["a", "long"]), self.of(self._pick(["long", "bool"]), depth)), 2
                )
                return self._one(_CONTEXT, pst.Record(dict(fields)))
            case "instant":
                moved = self._call("offset", "instant", "span", depth=depth)
                return self._one(moved, self._call("to_date", "instant", depth=depth), self._read(kind, depth))
            case "span":
                since = self._call("duration_since", "instant", "instant", depth=depth)
                return self._one(since, self._call("to_time", "instant", depth=depth), self._read(kind, depth))
            case "decimal" | "ip":
                return self._read(kind, depth)
            case _:
                return self._literal(kind)

    def _read(self, kind: str, depth: int) -> pst.Expr:
        return pst.UnaryOp(_READERS[kind][0], self.of("string", depth))

    def _condition(self, depth: int) -> pst.Expr:
        match self._pick(["logic", "logic", "logic", "not", "equal", "order", "set", "ip", "entity", "has", "like"]):
            case "logic":
                return self._call(self._pick(["and", "or"]), "bool", "bool", depth=depth)
            case "not":
                return self._call("not", "bool", depth=depth)
            case "equal":
                kind = self._pick(KINDS)
                return self._call(self._pick(["eq", "not_eq"]), kind, kind, depth=depth)
            case "order":
                return self._order(depth)
            case "set":
                contains = self._call("contains", "set", self._pick(["long", *KINDS]), depth=depth)
                sets = self._call(self._pick(["contains_all", "contains_any"]), "set", "set", depth=depth)
                return self._pick([contains, sets, self._call("is_empty", "set", depth=depth)])
            case "ip":
                one = self._call(self._pick(["is_ipv4", "is_ipv6", "is_loopback", "is_multicast"]), "ip", depth=depth)
                return self._pick([one, self._call("is_in_range", "ip", "ip", depth=depth)])
            case "entity":
                return self._hierarchy(depth)
            case "has":
                names = tuple(self._pick([*KINDS, "inner", "a"]) for _ in range(self._random.randint(1, 2)))
                return pst.HasAttr(self.of(self._pick(["record", "entity"]), depth), names)
            case _:
                pieces: list[pst.PatternElem] = [pst.Wildcard(), *(pst.Char(each) for each in "ab*é")]
                return pst.Like(self.of("string", depth), self._some(lambda: self._pick(pieces), 4))

    def _order(self, depth: int) -> pst.Expr:
        kind = self._pick(["long", "instant", "span", "decimal"])
        if kind == "decimal":
            op = self._pick(["less_than", "less_eq", "greater", "greater_eq"])
            return self._call(f"decimal_{op}", kind, kind, depth=depth)
        return self._call(self._pick(["less", "less_eq", "greater", "greater_eq"]), kind, kind, depth=depth)

    def _hierarchy(self, depth: int) -> pst.Expr:
        base = self.of("entity", depth)
        groups = pst.Set(self._some(lambda: self.of("entity", depth), 2))
        kind = pst.EntityType(self._pick(["User", "Group"]))
        within = self._one(self.of("entity", depth), groups)
        tag = pst.BinaryOp("has_tag", base, self.of("string", depth))
        return self._one(pst.BinaryOp("in", base, within), pst.Is(base, kind, None), pst.Is(base, kind, within), tag)

    def context(self) -> dict[str, Any]:
        """A context in Cedar's JSON form."""
        return {**self._record(), "inner": self._record()}

    def definitions(self) -> list[dict[str, Any]]:
        """Entities in Cedar's JSON form; those called `gone` have no definition."""
        parents = [uid.as_json() for uid in GROUPS if self._random.random() < 0.5]
        tags = {text: self._pick(STRINGS) for text in STRINGS[:3] if self._random.random() < 0.5}
        return [
            {"uid": ANN.as_json(), "attrs": self._record(), "parents": parents, "tags": tags},
            {"uid": USERS[1].as_json(), "attrs": {}, "parents": []},
            {"uid": GROUPS[0].as_json(), "attrs": {"bool": True}, "parents": [GROUPS[1].as_json()]},
            {"uid": GROUPS[1].as_json(), "attrs": {}, "parents": []},
            {"uid": PHOTO.as_json(), "attrs": {}, "parents": []},
        ]

    def _record(self) -> dict[str, Any]:
        return {kind: self._form(kind) for kind in KINDS if self._random.random() < 0.9}

    def _form(self, kind: str) -> Any:
        match kind:
            case "bool":
                return self._pick([True, False])
            case "long":
                return self._pick(LONGS)
            case "string":
                return self._pick(STRINGS)
            case "entity":
                return {"__entity": self._pick(USERS + GROUPS).as_json()}
            case "set":
                return list(self._some(lambda: self._pick([*LONGS[:4], True, False]), 3))
            case "record":
                return {"a": 1, "inner": {"a": True}}
            case _:
                function, texts = _READERS[kind]
                return {"__extn": {"fn": function, "arg": self._pick(texts)}}
