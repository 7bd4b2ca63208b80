"""Texts of Cedar policies, drawn from a seed: valid ones as words, and how words become a text or a broken one."""

from collections.abc import Sequence
from random import Random

SPACES = [" ", " ", " ", "  ", "\n", "\r\n", "\t", "\u00a0", ' // note: ; " } )\n', "//\r"]
FEW_COMMENTS = [*[" "] * 60, *SPACES]
NAMES = ["a", "b2", "_c", "permit", "when", "principal", "contains", "ip", "User", "__cedarx"]
TYPES = [["User"], ["Mcp", "::", "User"], ["a", "::", "b", "::", "c"], ["principal"], ["when"]]
TEXTS = [
    '""',
    '"a"',
    '"if"',
    '"a b"',
    '"*"',
    '"\\n\\t\\"\\\\"',
    '"\\u{1F600}\\x41"',
    '"café 😀"',
    '"; // }"',
    '"two\nlines"',
]
PATTERNS = [*TEXTS, '"a*"', '"\\**"', '"**\\u{2a}"']
NUMBERS = ["0", "1", "42", "007", "9223372036854775807"]
PLAIN_METHODS = ["isEmpty", "isIpv4", "isIpv6", "isLoopback", "isMulticast", "toDate", "toTime", "toSeconds", "toDays"]
METHODS = [
    "contains",
    "containsAll",
    "containsAny",
    "getTag",
    "hasTag",
    "isInRange",
    "offset",
    "lessThan",
    "greaterThan",
]
FUNCTIONS = ["ip", "decimal", "datetime", "duration"]
STRAY_WORDS = [
    *(
        "permit",
        "when",
        "true",
        "if",
        "then",
        "else",
        "in",
        "is",
        "has",
        "like",
        "principal",
        "context",
        "foo",
        "__cedar",
    ),
    *("==", "!=", "<", "&&", "||", "+", "-", "*", "/", "!", "=", ".", ",", ":", "::", ";", "@", "?principal", "?x"),
    *(
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        '"a"',
        '"\\*"',
        '"\\q"',
        "1",
        "9223372036854775808",
        "Action",
        "User",
        "#",
        "'",
        "&",
    ),
]

Words = list[str]


class Writer:
    """Writes random policies as lists of words."""

    def __init__(self, random: Random) -> None:
        self._random = random

    def policy(self) -> Words:
        pick = self._random.choice
        words = [word for number in range(self._random.randrange(3)) for word in self._annotation(number)]
        words += [pick(["permit", "forbid"]), "(", *self._constraint("principal"), ",", *self._action(), ","]
        words += [*self._constraint("resource"), *pick([[], [","]]), ")"]
        for _ in range(self._random.randrange(3)):
            words += [pick(["when", "unless"]), "{", *self.expression(self._random.randrange(5)), "}"]
        return [*words, ";"]

    def expression(self, depth: int) -> Words:
        if depth == 0:
            return self._leaf()
        kinds = [self._chain, self._comparison, self._prefixed, self._member, self._test, self._if, self._collection]
        return self._random.choice(kinds)(depth - 1)

    def _annotation(self, number: int) -> Words:
        pick = self._random.choice
        return ["@", f"{pick(['id', 'if', 'note'])}{number}", *pick([[], ["(", pick(TEXTS), ")"]])]

    def _entity(self) -> Words:
        return [*self._random.choice(TYPES), "::", self._random.choice(TEXTS)]

    def _constraint(self, variable: str) -> Words:
        pick = self._random.choice
        entity = pick([self._entity(), self._entity(), ["?" + variable], ["(", *self._entity(), ")"]])
        return [
            variable,
            *pick([[], ["==", *entity], ["in", *entity], ["is", *pick(TYPES)], ["is", *pick(TYPES), "in", *entity]]),
        ]

    def _action(self) -> Words:
        pick = self._random.choice
        one = [*pick([[], ["Mcp", "::"]]), "Action", "::", pick(TEXTS)]
        some = ["[", *(word for _ in range(self._random.randrange(3)) for word in (*one, ",")), "]"]
        return ["action", *pick([[], ["==", *one], ["in", *one], ["in", *some], ["in", "(", *some, ")"]])]

    def _leaf(self) -> Words:
        pick = self._random.choice
        variables = [["principal"], ["action"], ["resource"], ["context"]]
        literals = [["true"], ["false"], [pick(TEXTS)], [pick(NUMBERS)], ["-", pick(NUMBERS)], ["[", "]"], ["{", "}"]]
        return pick([pick(variables), pick(literals), self._entity()])

    def _operand(self, depth: int) -> Words:
        """In brackets unless nothing can go wrong without, and then sometimes all the same."""
        inner = self.expression(depth)
        if len(inner) == 1 and self._random.random() < 0.8:
            return inner
        return ["(", *inner, ")"]

    def _chain(self, depth: int) -> Words:
        words = self._operand(depth)
        for _ in range(self._random.randrange(1, 4)):
            words += [self._random.choice(["||", "&&", "+", "-", "*"]), *self._operand(depth)]
        return words

    def _comparison(self, depth: int) -> Words:
        return [
            *self._operand(depth),
            self._random.choice(["==", "!=", "<", "<=", ">", ">=", "in"]),
            *self._operand(depth),
        ]

    def _prefixed(self, depth: int) -> Words:
        return [self._random.choice("!-")] * self._random.randrange(1, 5) + self._operand(depth)

    def _member(self, depth: int) -> Words:
        pick = self._random.choice
        if self._random.random() < 0.2:
            return [pick(FUNCTIONS), "(", *self.expression(depth), ")"]
        words = self._operand(depth)
        for _ in range(self._random.randrange(1, 4)):
            call = [".", pick(METHODS), "(", *self.expression(depth), *pick([[], [","]]), ")"]
            words += pick([[".", pick(NAMES)], ["[", pick(TEXTS), "]"], [".", pick(PLAIN_METHODS), "(", ")"], call])
        return words

    def _test(self, depth: int) -> Words:
        pick = self._random.choice
        group = ["in", *self._operand(depth)]
        path = [word for _ in range(self._random.randrange(3)) for word in (".", pick(NAMES))]
        tests = [
            ["has", pick(TEXTS)],
            ["has", pick(NAMES), *path],
            ["like", pick(PATTERNS)],
            ["is", *pick(TYPES), *pick([[], group])],
        ]
        return [*self._operand(depth), *pick(tests)]

    def _if(self, depth: int) -> Words:
        return ["if", *self.expression(depth), "then", *self.expression(depth), "else", *self.expression(depth)]

    def _collection(self, depth: int) -> Words:
        if self._random.random() < 0.5:
            return ["[", *self.expression(depth), ",", *self.expression(depth), *self._random.choice([[], [","]]), "]"]
        return ["{", "x", ":", *self.expression(depth), ",", '"y z"', ":", *self.expression(depth), "}"]


def text_of(words: Sequence[str], random: Random, *, spaces: Sequence[str] = SPACES) -> str:
    """`words` as a text, with any white space and comments between them."""
    return "".join(f"{word}{random.choice(spaces)}" for word in words[:-1]) + words[-1]


def broken(words: Words, random: Random) -> Words:
    """`words` after one to three changes that may make them no policy."""
    changed = list(words)
    for _ in range(random.randrange(1, 4)):
        at = random.randrange(len(changed))
        other = random.randrange(len(changed))
        match random.randrange(5):
            case 0 if len(changed) > 1:
                del changed[at]
            case 1:
                changed.insert(at, random.choice(STRAY_WORDS))
            case 2:
                changed[at] = random.choice(STRAY_WORDS)
            case 3:
                changed.insert(at, changed[other])
            case _:
                changed[at], changed[other] = changed[other], changed[at]
    return changed
