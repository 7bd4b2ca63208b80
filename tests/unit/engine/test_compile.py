import pytest

from pdp.core.catalog.catalog import Catalog
from pdp.core.contract.errors import ConfigurationError, Problem, Severity
from pdp.core.engine.compile import CompiledPolicies, Progress, Step, check_policies, compile_policies
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


def _sources(*policies: str) -> dict[str, bytes]:
    return {"a.cedar": "\n".join(policies).encode()}


ONE = '@id("one") permit (principal, action == Mcp::Action::"git/log", resource);'
TWO = '@id("two") permit (principal, action, resource) when { true };'


def test_warnings_refuse_nothing_and_are_told() -> None:
    compiled = compile_policies(_sources(ONE, TWO), catalog=CATALOG)
    assert list(compiled.policies) == ["one", "two"]
    assert compiled.warnings == (
        Problem(
            "a.cedar",
            2,
            49,
            "always_matches",
            "the conditions hold for every request in the scope",
            Severity.WARNING,
            62,
        ),
    )


def test_an_error_is_refused_without_the_warnings_beside_it() -> None:
    with pytest.raises(ConfigurationError) as refused:
        compile_policies(_sources(TWO, ONE.replace("git/log", "git/lgo")), catalog=CATALOG)
    assert [problem.code for problem in refused.value.problems] == ["name_unknown"]
    found = check_policies(_sources(TWO, ONE.replace("git/log", "git/lgo")), catalog=CATALOG)
    assert sorted(problem.code for problem in found) == ["always_matches", "name_unknown"]


def test_an_emergency_forbid_is_accepted_although_it_covers_everything() -> None:
    compiled = compile_policies(_sources(ONE, '@id("stop") forbid (principal, action, resource);'), catalog=CATALOG)
    assert [problem.code for problem in compiled.warnings] == ["shadowed"]
    assert list(compiled.policies) == ["one", "stop"]


def _told(*policies: str, previous: CompiledPolicies | None = None) -> tuple[CompiledPolicies, dict[Step, int]]:
    """The compiled policies, and of how many each step said that they are done."""
    told: dict[Step, int] = {}

    def hear(progress: Progress) -> None:
        assert progress.done <= progress.total
        told[progress.step] = progress.done

    return compile_policies(_sources(*policies), catalog=CATALOG, previous=previous, progress=hear), told


def test_progress_is_told_for_each_step() -> None:
    _, told = _told(ONE, TWO)
    assert told == {Step.READ: 2, Step.VALIDATE: 2, Step.COMPARE: 2}


def test_what_did_not_change_is_not_validated_again_and_compiles_to_the_same() -> None:
    first, _ = _told(ONE, TWO)
    again, told = _told("// moved", ONE, TWO, previous=first)
    assert told == {Step.READ: 2, Step.COMPARE: 2}
    fresh, _ = _told("// moved", ONE, TWO)
    assert (again.policies, again.warnings) == (fresh.policies, fresh.warnings)
    assert again.policies["one"].statement.line == 2
    _, told = _told(ONE, TWO, ONE.replace("one", "three"), previous=again)
    assert told[Step.VALIDATE] == 1


def test_under_another_catalog_everything_is_validated_again() -> None:
    first, _ = _told(ONE)
    with pytest.raises(ConfigurationError):
        compile_policies(_sources(ONE), catalog=Catalog([]), previous=first)


def test_what_was_held_excuses_no_new_problem() -> None:
    first, _ = _told(ONE)
    with pytest.raises(ConfigurationError) as refused:
        _told(ONE, ONE, previous=first)
    assert [problem.code for problem in refused.value.problems] == ["id_duplicate"]


def test_problems_in_many_policies_all_have_their_place() -> None:
    policies = [f'@id("p{n}") permit (principal, action, resource) when {{ context.x{n} == 1 }};' for n in range(600)]
    found = check_policies(_sources(*policies), catalog=CATALOG)
    assert sorted((problem.line, problem.column) for problem in found) == [
        (n + 1, policies[n].index("context.") + 1) for n in range(600)
    ]


def test_a_character_that_turns_the_text_round_is_refused_in_a_comment_too() -> None:
    found = check_policies({"a.cedar": f"// \u202e\n{ONE}".encode()}, catalog=CATALOG)
    assert [(problem.line, problem.code) for problem in found] == [(1, "hidden_character")]
