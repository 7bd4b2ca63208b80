"""`@acknowledge`: what an author knows and means is not told; mistakes are."""

import pytest

from tests.unit.engine.checks.problems import calling, found


def policy(codes: str, rest: str) -> list[tuple[str, str, str]]:
    return found(f'@id("p") @acknowledge("{codes}") {rest}')


@pytest.mark.parametrize(
    ("code", "rest"),
    [
        ("like_unmarked", f'permit ({calling("git/log")}) when {{ context.arguments.repo like "a*" }};'),
        ("always_matches", f"permit ({calling('git/log')}) when {{ true }};"),
        ("never_matches", f"permit ({calling('git/log')}) when {{ false }};"),
        ("never_matches", f"permit ({calling('tools/call')});"),
        ("never_matches", f'permit ({calling("git/log")} in Mcp::Server::"files");'),
        ("pattern_unmatchable", f'permit ({calling("files/read")}) when {{ context.arguments.path like "a//*" }};'),
        ("argument_unknown", f"forbid ({calling('git/log')}) when {{ context.arguments has command }};"),
        ("template_unused", "permit (principal in ?principal, action, resource);"),
    ],
)
def test_what_is_acknowledged_is_not_told(code: str, rest: str) -> None:
    assert [found_code for found_code, _, _ in found(f'@id("p") {rest}')] == [code]
    assert policy(code, rest) == []
    assert [found_code for found_code, _, _ in policy("shadowed", rest)] == [code]


def test_several_codes_stand_in_one_annotation() -> None:
    rest = f'permit ({calling("git/log")}) when {{ context.arguments.repo like "a*" && false }};'
    assert policy("like_unmarked  never_matches", rest) == []


@pytest.mark.parametrize("codes", ["validation", "name_unknown", "like-unmarked", "", "syntax"])
def test_what_cannot_be_acknowledged_is_refused(codes: str) -> None:
    problems = policy(codes, f"permit ({calling('git/log')});")
    assert [(code, text) for code, text, _ in problems] == [("annotation_unknown", f'@acknowledge("{codes}")')]


def test_an_acknowledged_argument_still_needs_its_guard() -> None:
    rest = f'forbid ({calling("git/log")}) when {{ context.arguments.command == "x" }};'
    assert [code for code, _, _ in policy("argument_unknown", rest)] == ["validation"]


def test_shadows_and_suspects_are_acknowledged_by_the_policy_they_are_told_of() -> None:
    forbid = '@id("f") forbid (principal, action, resource);'
    assert policy("shadowed", f"permit ({calling('git/log')});{forbid}") == []


@pytest.mark.parametrize("value", ["", "Keep", "mask", "keep drop"])
def test_what_records_keep_is_one_of_three_words(value: str) -> None:
    policy = f'@id("p") @record("{value}") permit(principal, action, resource);'
    assert [(code, text) for code, text, _ in found(policy)] == [("annotation_unknown", f'@record("{value}")')]
