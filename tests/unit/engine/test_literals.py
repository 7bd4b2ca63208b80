import pytest

from pdp.core.contract.errors import ConfigurationError
from pdp.core.engine.compile import compile_policies
from tests.unit.engine.sample import CATALOG

HEAD = '@id("a") forbid (principal, action, resource'


def problems(policy: str) -> list[tuple[str, str, str]]:
    """The code of each problem, the text that it points at, and its message."""
    try:
        compile_policies({"policies/a.cedar": b"// one\n" + policy.encode()}, catalog=CATALOG)
    except ConfigurationError as error:
        return [(p.code, policy[p.column - 1 : p.end_column - 1], p.message) for p in error.problems]
    return []


_NO_SERVER = "there is no server `gti` in the catalog; did you mean `git`?"


@pytest.mark.parametrize(
    ("rest", "at", "message"),
    [
        (' in Mcp::Server::"gti");', 'Mcp::Server::"gti"', _NO_SERVER),
        (' == Mcp::Server::"gti");', 'Mcp::Server::"gti"', _NO_SERVER),
        (' is Mcp::Tool in Mcp::Server::"gti");', 'Mcp::Server::"gti"', _NO_SERVER),
        (
            ' == Mcp::Tool::"git/lgo");',
            'Mcp::Tool::"git/lgo"',
            "there is no tool `git/lgo` in the catalog; did you mean `git/log`?",
        ),
        (
            ' in Mcp::Tenant::"corp|amce");',
            'Mcp::Tenant::"corp|amce"',
            "no server in the catalog belongs to tenant `corp|amce`; did you mean `corp|acme`?",
        ),
        (') when { resource in Mcp::Server::"gti" };', 'Mcp::Server::"gti"', _NO_SERVER),
        (') unless { resource in [Mcp::Server::"gti"] };', 'Mcp::Server::"gti"', _NO_SERVER),
        (
            ') when { if 1 < 2 then resource == Mcp::Tool::"x" else true };',
            'Mcp::Tool::"x"',
            "there is no tool `x` in the catalog",
        ),
        (
            ') when { {a: Mcp::Tool::"x"}.a == resource };',
            'Mcp::Tool::"x"',
            "there is no tool `x` in the catalog",
        ),
        (
            " is Mcp::Tol);",
            "resource is Mcp::Tol",
            "there is no entity type `Mcp::Tol`; did you mean `Mcp::Tool`?",
        ),
        (
            ') when { principal in Group::"corp|eng" };',
            'Group::"corp|eng"',
            "there is no entity type `Group`; did you mean `Mcp::Group`?",
        ),
        (
            ') when { principal == Mcp::User::"alice" };',
            'Mcp::User::"alice"',
            "no user is called `alice`: ids begin with their issuer's alias, as in `corp|alice`",
        ),
        (
            ') when { context has actor && context.actor in Mcp::Role::"|x" };',
            'Mcp::Role::"|x"',
            "no role is called `|x`: ids begin with their issuer's alias, as in `corp|x`",
        ),
    ],
)
def test_a_name_that_nothing_has_is_refused(rest: str, at: str, message: str) -> None:
    """Tried: `forbid ... resource in Mcp::Server::"payrol"` compiled, and forbade nothing."""
    assert problems(HEAD + rest) == [("name_unknown", at, message)]


@pytest.mark.parametrize(
    "rest",
    [
        ' in Mcp::Server::"git");',
        ' == Mcp::Tool::"git/log");',
        ' in Mcp::Tenant::"corp|acme");',
        ') when { resource in [Mcp::Server::"git", Mcp::Server::"odd"] };',
        ') when { principal in Mcp::Tenant::"corp|others" };',
        ') when { principal in Mcp::Group::"corp|new" };',
    ],
)
def test_names_of_the_catalog_and_of_issuers_are_not(rest: str) -> None:
    assert problems(HEAD + rest) == []


def test_a_name_is_reported_once_a_policy() -> None:
    policy = HEAD + ' in Mcp::Server::"gti") when { resource in Mcp::Server::"gti" };'
    assert len(problems(policy)) == 1
