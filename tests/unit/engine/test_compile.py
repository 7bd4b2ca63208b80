import pytest

from pdp.core.contract.errors import ConfigurationError, Problem
from pdp.core.engine.compile import compile_policies
from tests.unit.engine.sample import CATALOG


def problems(**files: str | bytes) -> list[tuple[str, int, str]]:
    sources = {f"{name}.cedar": text if isinstance(text, bytes) else text.encode() for name, text in files.items()}
    with pytest.raises(ConfigurationError) as refused:
        compile_policies(sources, catalog=CATALOG)
    return [(problem.file, problem.line, problem.code) for problem in refused.value.problems]


def test_every_problem_of_every_file_is_reported_sorted() -> None:
    found = problems(
        b='// a comment; with a semicolon\n@id("x") permit(principal, action, resource);\npermit(principal, action);\n',
        a='\n\n@id("x")\npermit(principal, action, resource);\n\n'
        'permit(principal, action, resource);\n@id("t;x") perm\n',
    )
    assert found == [
        ("a.cedar", 6, "id_missing"),
        ("a.cedar", 7, "syntax"),
        ("b.cedar", 2, "id_duplicate"),
        ("b.cedar", 3, "syntax"),
    ]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("permit(principal, action, resource);", "id_missing"),
        ('@id("") permit(principal, action, resource);', "id_missing"),
        ('@id("a`b") permit(principal, action, resource);', "id_invalid"),
        ('@id("a\\nb") permit(principal, action, resource);', "id_invalid"),
        ('@id("a") @mode("shadow") permit(principal, action, resource);', "annotation_unknown"),
        ('@id("a") @Id("b") permit(principal, action, resource);', "annotation_unknown"),
        ('@id("a") permit(principal == ?resource, action, resource);', "syntax"),
        ('@id("a") permit(principal, action, resource)', "syntax"),
        ('@id("a") permit(principal, action, resource) when { "unclosed };', "syntax"),
        (";", "syntax"),
        ('@id("a") permit(principal, action == Mcp::Action::"git/nope", resource);', "name_unknown"),
        ('@id("a") permit(principal == User::"alice", action, resource);', "name_unknown"),
        ('@id("a") permit(principal, action, resource) when { context.arguments.repo == "r" };', "validation"),
        (
            '@id("a") permit(principal, action == Mcp::Action::"git/log", resource) when { context.ip.isLoopback() };',
            "validation",
        ),
        (
            '@id("a") permit(principal, action == Mcp::Action::"git/log", resource)'
            " when { context.arguments.count == 1 };",
            "validation",
        ),
        (
            '@id("a") permit(principal, action == Mcp::Action::"git/log", resource)'
            " when { context.arguments.repo == 1 };",
            "validation",
        ),
        (
            '@id("a") permit(principal, action, resource) when { ' + "(" * 30_000 + "true" + ")" * 30_000 + " };",
            "too_large",
        ),
    ],
)
def test_a_policy_that_would_not_do_what_it_says_is_refused(text: str, code: str) -> None:
    assert code in {found for _, _, found in problems(a=text)}


@pytest.mark.parametrize("count", [101, 501, 5_000, 100_000])
@pytest.mark.parametrize(
    ("opening", "middle", "closing", "code"),
    [
        ("!(", "true", ")", "too_large"),
        ("(", "true", ")", "too_large"),
        ("[", "", "]", "too_large"),
        ("{a:", "1", "}", "too_large"),
        ("true || ", "true", "", None),
        ("context.now == context.now && ", "true", "", None),
        ("1 + ", "1 > 0", "", None),
        ("if true then ", "true", " else false", None),
        ("", "context", ".a", None),
        ("", "context", '["a"]', None),
        ("", "context.scopes", '.contains("a")', None),
        ("-", "1 > 0", "", None),
        ("!", "true", "", None),
    ],
)
def test_deep_nesting_and_long_chains_are_refused_not_a_crash(
    opening: str, middle: str, closing: str, code: str | None, count: int
) -> None:
    condition = opening * count + middle + closing * count
    found = problems(a=f'@id("a") permit(principal, action, resource) when {{ {condition} }};')
    assert {what for _, _, what in found} <= ({code} if code else {"too_large", "syntax"})


def test_a_file_that_is_not_utf_8_is_a_problem_with_its_line() -> None:
    with pytest.raises(ConfigurationError) as refused:
        compile_policies({"a.cedar": b"// ok\n\xff"}, catalog=CATALOG)
    assert refused.value.problems == (Problem("a.cedar", 2, 0, "encoding", "the file is not UTF-8"),)


def test_a_validation_problem_names_the_policys_own_line_among_many() -> None:
    good = "".join(f'@id("g{n}") permit(principal, action, resource);\n' for n in range(25))
    assert problems(a=good + '@id("bad") permit(principal, action, resource) when { context.scopes == 1 };') == [
        ("a.cedar", 26, "validation"),
    ]


def test_nothing_is_a_policy_set_too() -> None:
    assert compile_policies({}, catalog=CATALOG).policies == {}
    assert compile_policies({"a.cedar": b"// only a comment"}, catalog=CATALOG).policies == {}
