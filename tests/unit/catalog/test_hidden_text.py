from typing import Any, Final

import pytest

from pdp.core.text.hidden_text import (
    HiddenKind,
    HiddenPlace,
    hidden_in,
    hidden_in_definition,
    hidden_in_name,
    shown,
)

ENGLAND: Final = "\U0001f3f4" + "".join(chr(0xE0000 + ord(letter)) for letter in "gbeng") + "\U000e007f"
TEXAS: Final = "\U0001f3f4" + "".join(chr(0xE0000 + ord(letter)) for letter in "ustx") + "\U000e007f"

HIDDEN: Final = [
    ("tag characters that spell a text", "ok\U000e0068\U000e0069", {2: HiddenKind.TAG, 3: HiddenKind.TAG}),
    ("the language tag", "\U000e0001", {0: HiddenKind.TAG}),
    ("a flag that is not closed", ENGLAND[:-1], dict.fromkeys(range(1, 6), HiddenKind.TAG)),
    ("a flag that nobody shows", TEXAS, dict.fromkeys(range(1, 6), HiddenKind.TAG)),
    ("tags after a flag", ENGLAND + "\U000e0061", {7: HiddenKind.TAG}),
    ("an override", "a\u202eb", {1: HiddenKind.DIRECTION}),
    ("an embedding and its end", "\u202aa\u202c", {0: HiddenKind.DIRECTION, 2: HiddenKind.DIRECTION}),
    ("an isolate and its end", "\u2067a\u2069", {0: HiddenKind.DIRECTION, 2: HiddenKind.DIRECTION}),
    ("a mark beside left-to-right text", "a\u200fb", {1: HiddenKind.DIRECTION}),
    ("a mark beside right-to-left text", "\u05d0\u200e\u05d1", {1: HiddenKind.DIRECTION}),
    ("the Arabic letter mark", "\u0627\u061c", {1: HiddenKind.DIRECTION}),
    ("a space without width", "a\u200bb", {1: HiddenKind.ZERO_WIDTH}),
    ("a word joiner", "a\u2060b", {1: HiddenKind.ZERO_WIDTH}),
    ("a byte order mark, at the start too", "\ufeffa\ufeff", {0: HiddenKind.ZERO_WIDTH, 2: HiddenKind.ZERO_WIDTH}),
    ("joiners between Latin letters", "a\u200db\u200cc", {1: HiddenKind.ZERO_WIDTH, 3: HiddenKind.ZERO_WIDTH}),
    ("a second joiner", "\u0645\u200c\u200c\u0645", {1: HiddenKind.ZERO_WIDTH, 2: HiddenKind.ZERO_WIDTH}),
    ("a joiner between two scripts", "\u0645\u200c\u0915", {1: HiddenKind.ZERO_WIDTH}),
    ("a joiner after emoji, before none", "\U0001f469\u200d", {1: HiddenKind.ZERO_WIDTH}),
    ("the grapheme joiner", "a\u034fb", {1: HiddenKind.ZERO_WIDTH}),
    ("the Mongolian separator", "a\u180eb", {1: HiddenKind.ZERO_WIDTH}),
    ("a selector after a letter", "a\ufe0f", {1: HiddenKind.VARIATION}),
    ("a selector after a digit that is no keycap", "1\ufe0f", {1: HiddenKind.VARIATION}),
    ("a second selector", "\u2764\ufe0f\ufe0f", {2: HiddenKind.VARIATION}),
    ("a selector of the supplement after emoji", "\U0001f600\U000e0101", {1: HiddenKind.VARIATION}),
    ("a second selector after an ideograph", "\u845b\U000e0100\U000e0101", {2: HiddenKind.VARIATION}),
    (
        "selectors after so many ideographs that they could spell a text",
        "\u845b\U000e0100" * 9,
        dict.fromkeys(range(1, 18, 2), HiddenKind.VARIATION),
    ),
    ("a soft hyphen", "a\u00adb", {1: HiddenKind.SOFT_HYPHEN}),
    ("letters that are blank", "\u115f\u1160\u3164\uffa0\u2800\u17b4", dict.fromkeys(range(6), HiddenKind.BLANK)),
    ("operators", "a\u2061\u2062\u2063\u2064", dict.fromkeys(range(1, 5), HiddenKind.FORMAT)),
    ("annotations between lines", "\ufff9a\ufffab\ufffb", dict.fromkeys((0, 2, 4), HiddenKind.FORMAT)),
    ("deprecated formats", "\u206a\u206f", dict.fromkeys((0, 1), HiddenKind.FORMAT)),
    ("signs of music and shorthand", "\U0001d173\U0001bca0", dict.fromkeys((0, 1), HiddenKind.FORMAT)),
    ("control characters", "\x00\x1b[31m\x7f\x85", dict.fromkeys((0, 1, 6, 7), HiddenKind.CONTROL)),
    ("ends of lines that are none for most", "a\u2028b\u2029\x0b", dict.fromkeys((1, 3, 4), HiddenKind.CONTROL)),
    ("private use", "\ue000\U000f0000\U0010fffd", dict.fromkeys(range(3), HiddenKind.PRIVATE)),
    ("noncharacters", "\ufdd0\ufffe\U0001ffff\U0010ffff", dict.fromkeys(range(4), HiddenKind.NONCHARACTER)),
    ("half of a pair", "a\ud83d", {1: HiddenKind.SURROGATE}),
    ("unassigned and ignored", "\u2065\U000e0080\U000e0fff", dict.fromkeys(range(3), HiddenKind.UNASSIGNED)),
    ("unassigned", "\u0378", {0: HiddenKind.UNASSIGNED}),
]
SEEN: Final = [
    ("plain text of several lines", "reads\n\ta file\r\n"),
    ("letters with accents", "Größe, naïve, Ğ, e\u0301"),
    ("a family", "\U0001f469\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466"),
    ("a profession with a skin tone", "\U0001f469\U0001f3fd\u200d\U0001f4bb"),
    ("a heart on fire", "\u2764\ufe0f\u200d\U0001f525"),
    ("a rainbow flag", "\U0001f3f3\ufe0f\u200d\U0001f308"),
    ("the flag of a country", "\U0001f1e9\U0001f1ea"),
    ("the flag of England", ENGLAND),
    ("emoji as emoji and as text", "\u26a0\ufe0f \u2139\ufe0f \u2705 \u2194\ufe0f \u2122\ufe0e \u00a9\ufe0f"),
    ("keycaps", "1\ufe0f\u20e3 #\ufe0f\u20e3"),
    ("emoji that this Unicode may not know", "\U0001fae9\U0001fadf"),
    ("Persian with joiners", "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"),
    ("Hindi with joiners", "\u0915\u094d\u200d\u0937 \u0915\u094d\u200c\u0937 \u0915\u094d\u200d"),
    ("Sinhala", "\u0dc1\u0dca\u200d\u0dbb\u0dd3"),
    ("Malayalam with a final joiner", "\u0d05\u0d35\u0d28\u0d4d\u200d "),
    ("Bengali with a joiner before the virama", "\u09b0\u200d\u09cd\u09af"),
    ("Khmer with spaces without width", "\u1781\u17d2\u1798\u17c2\u179a\u200b\u1797\u17b6\u179f\u17b6"),
    ("Thai with spaces without width", "\u0e44\u0e17\u0e22\u200b\u0e44\u0e17\u0e22"),
    ("Mongolian with its selectors and separator", "\u182d\u180b\u1820\u180e\u1820"),
    ("Hebrew and Arabic", "\u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627 \u0664\u0662"),
    ("an Arabic sign that encloses digits", "\u06dd\u0661"),
    ("an ideograph's variant", "\u845b\U000e0100\u57ce \u795e\ufe00"),
    ("a variant of an operator", "\u2229\ufe00"),
    ("Korean, Japanese, Chinese", "한국어 日本語 ｶﾞ 中文\uff0c。\u3000"),
    ("spaces that are seen", "a\u00a0b\u2003c\u202fd"),
    ("typography", "“x” \u2013 y… • → ≤ ½ €"),
]


@pytest.mark.parametrize(("text", "expected"), [case[1:] for case in HIDDEN], ids=[case[0] for case in HIDDEN])
def test_what_nobody_sees_is_found_where_it_stands(text: str, expected: dict[int, HiddenKind]) -> None:
    found = hidden_in(text)
    assert {each.position: each.kind for each in found} == expected
    assert [each.code_point for each in found] == [ord(text[each.position]) for each in found]


@pytest.mark.parametrize(("text", "expected"), [case[1:] for case in HIDDEN], ids=[case[0] for case in HIDDEN])
def test_a_shown_text_has_nothing_hidden_and_all_that_was_seen(text: str, expected: dict[int, HiddenKind]) -> None:
    shown_text = shown(text)
    assert hidden_in_name(shown_text) == []
    assert [f"<U+{ord(text[position]):04X}>" in shown_text for position in expected] == [True] * len(expected)
    assert [each for each in text if each.isascii() and each.isprintable() and each not in shown_text] == []


@pytest.mark.parametrize("text", [case[1] for case in SEEN], ids=[case[0] for case in SEEN])
def test_what_belongs_to_what_is_seen_is_not_hidden(text: str) -> None:
    assert hidden_in(text) == []
    assert hidden_in(f"x {text} y") == []


def test_a_hidden_character_is_named() -> None:
    assert [str(each) for each in hidden_in("\u200b\x1b\ud800")] == [
        "U+200B ZERO WIDTH SPACE",
        "U+001B control",
        "U+D800 surrogate",
    ]


def test_a_line_has_an_end_in_a_text_and_none_in_a_name() -> None:
    assert hidden_in("a\n\t\r") == []
    assert [(each.position, each.kind) for each in hidden_in_name("a\n\t\r")] == [
        (position, HiddenKind.CONTROL) for position in (1, 2, 3)
    ]


def test_every_text_and_every_member_of_a_definition_is_looked_into() -> None:
    content: dict[str, Any] = {
        "name": "a\nb",
        "description": "one\ntwo",
        "inputSchema": {
            "properties": {
                "p\u200b": {"description": "x\u202e", "enum": ["ok", "\U000e0041"]},
                "a/b~c": {"title": "\x00"},
            }
        },
        "_meta": {"deep": [[{"k": "\ufeff"}]]},
        "count": 3,
        "flag": True,
    }
    assert [(place.where, [str(each) for each in place.found]) for place in hidden_in_definition(content)] == [
        ("/_meta/deep/0/0/k", ["U+FEFF ZERO WIDTH NO-BREAK SPACE"]),
        ("/inputSchema/properties/a~1b~0c/title", ["U+0000 control"]),
        ("/inputSchema/properties/p\u200b", ["U+200B ZERO WIDTH SPACE"]),
        ("/inputSchema/properties/p\u200b/description", ["U+202E RIGHT-TO-LEFT OVERRIDE"]),
        ("/inputSchema/properties/p\u200b/enum/1", ["U+E0041 TAG LATIN CAPITAL LETTER A"]),
        ("/name", ["U+000A control"]),
    ]


def test_what_is_told_of_a_hostile_definition_is_bounded() -> None:
    places = hidden_in_definition({"k" * 1000 + str(number): "\u200b" * 1000 for number in range(1000)})
    assert (len(places), {len(place.found) for place in places}) == (100, {20})
    assert {len(place.where) for place in places} == {130}


def test_nothing_hidden_is_found_in_a_definition_without() -> None:
    found: list[HiddenPlace] = hidden_in_definition({"name": "a", "description": "é\n", "x": [1, None, {}]})
    assert found == []


@pytest.mark.parametrize(
    ("text", "most", "expected"),
    [
        ("plain", None, "plain"),
        ("plain", 5, "plain"),
        ("plain", 4, "plai…"),
        ("a\nb\tc\rd", None, r"a\nb\tc\rd"),
        ("\x1b[2J\x1b]0;title\x07", None, "<U+001B>[2J<U+001B>]0;title<U+0007>"),
        ("a\u202eb\u202c", None, "a<U+202E>b<U+202C>"),
        ("\u200b" * 5, 2, "<U+200B><U+200B>…"),
        ("\U000e0041", None, "<U+E0041>"),
        ("\U0001f469\u200d\U0001f4bb", None, "\U0001f469\u200d\U0001f4bb"),
        ("", None, ""),
    ],
)
def test_a_text_is_shown_in_one_line(text: str, most: int | None, expected: str) -> None:
    assert shown(text, most=most) == expected
