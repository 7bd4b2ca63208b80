import pytest

from pdp.core.engine.syntax.source import Position, Statement, excess_of, statements

POLICY = "permit(principal, action, resource)"


def cut(text: str) -> list[tuple[int, int, str]]:
    return [(one.line, one.column, one.text) for one in statements(text, file="p.cedar")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" \n\t// only; a comment", []),
        ("a;b;", [(1, 1, "a;"), (1, 3, "b;")]),
        ("  a;\n\n   b ;c", [(1, 3, "a;"), (3, 4, "b ;"), (3, 7, "c")]),
        ('@id("a;b") a; // c; d\nb;', [(1, 1, '@id("a;b") a;'), (2, 1, "b;")]),
        ('"a\\";b";c;', [(1, 1, '"a\\";b";'), (1, 9, "c;")]),
        ('"two\nlines;";\nb;', [(1, 1, '"two\nlines;";'), (3, 1, "b;")]),
        ("// a;\r\n a;\r\n\r\n  b;", [(2, 2, "a;"), (4, 3, "b;")]),
        ("// a\rb;", [(1, 6, "b;")]),
        ('a;\n"open; b;\nc;', [(1, 1, "a;"), (2, 1, '"open; b;\nc;')]),
        (";;", [(1, 1, ";"), (1, 2, ";")]),
        ("\u2028a;", [(1, 2, "a;")]),
        ("a / b; // c;\n", [(1, 1, "a / b;")]),
        ("é; 😀;", [(1, 1, "é;"), (1, 4, "😀;")]),
    ],
)
def test_statements_end_at_semicolons_outside_of_texts_and_comments(
    text: str, expected: list[tuple[int, int, str]]
) -> None:
    assert cut(text) == expected


def test_a_place_in_a_statement_is_one_in_its_file() -> None:
    statement = Statement(file="p.cedar", line=7, column=5, text="ab\ncd\r\ne")
    assert [statement.place(offset) for offset in range(9)] == [
        *(Position(7, 5), Position(7, 6), Position(7, 7)),
        *(Position(8, 1), Position(8, 2), Position(8, 3), Position(8, 4)),
        *(Position(9, 1), Position(9, 2)),
    ]


@pytest.mark.parametrize(
    ("text", "excess"),
    [
        (f"{POLICY} when {{ {'(' * 99}true{')' * 99} }};", None),
        (f"{POLICY} when {{ {'(' * 100}true{')' * 100} }};", "a policy nests at most 100 brackets deep"),
        (f"{POLICY} when {{ {'[], ' * 101} }};", None),
        (f"{POLICY} when {{ {'1 + ' * 500}1 == 1 }};", None),
        (
            f"{POLICY} when {{ {'1 + ' * 501}1 == 1 }};",
            "a policy has at most 500 operators; name many values as a set: `[...].contains(...)`",
        ),
        (f'{POLICY} when {{ "{"(" * 200}{"." * 600}" == 1 }}; // {"[" * 200}', None),
        (f'{POLICY} when {{ "{"a" * 262_144}" == 1 }};', "a policy has at most 262,144 characters"),
    ],
)
def test_bounds_count_what_cedars_parser_needs_stack_for(text: str, excess: str | None) -> None:
    assert excess_of(text) == excess
