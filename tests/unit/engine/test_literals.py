import pytest

from pdp.core.contract.errors import ConfigurationError, Problem
from pdp.core.engine.compile import compile_policies
from tests.unit.engine.sample import CATALOG

HEAD = '@id("a") forbid (principal, action, resource'


def problems(policy: str) -> list[Problem]:
    try:
        compile_policies({"policies/a.cedar": b"// one\n" + policy.encode()}, catalog=CATALOG)
    except ConfigurationError as error:
        return list(error.problems)
    return []


@pytest.mark.parametrize(
    ("rest", "message"),
    [
        (' in Mcp::Server::"gti");', "there is no server `gti` in the catalog"),
        (' == Mcp::Server::"gti");', "there is no server `gti` in the catalog"),
        (' is Mcp::Tool in Mcp::Server::"gti");', "there is no server `gti` in the catalog"),
        (' == Mcp::Tool::"git/lgo");', "there is no tool `git/lgo` in the catalog"),
        (' in Mcp::Tenant::"corp|amce");', "no server in the catalog belongs to tenant `corp|amce`"),
        (') when { resource in Mcp::Server::"gti" };', "there is no server `gti` in the catalog"),
        (
            ') unless { resource in [Mcp::Server::"gti"] };',
            "there is no server `gti` in the catalog",
        ),
        (') when { if 1 < 2 then resource == Mcp::Tool::"x" else true };', "there is no tool `x` in the catalog"),
        (') when { {a: Mcp::Tool::"x"}.a == resource };', "there is no tool `x` in the catalog"),
    ],
)
def test_a_name_that_nothing_has_is_refused(rest: str, message: str) -> None:
    """Tried: `forbid ... resource in Mcp::Server::"payrol"` compiled, and forbade nothing."""
    assert problems(HEAD + rest) == [Problem("policies/a.cedar", 2, 0, "name_unknown", message)]


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
