import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enforcers.gateway.naming import Prefixed, Unprefixed, named
from enforcers.offer import Offer

SERVERS = st.from_regex(r"[a-z0-9][a-z0-9-]{0,80}", fullmatch=True)
TOOLS = st.text(min_size=1, max_size=200)


def offer(server: str, tool: str) -> Offer:
    return Offer(server, tool, {"name": tool}, f"sha256:{server}/{tool}")


def test_a_short_legal_name_is_the_server_s_and_the_tool_s() -> None:
    assert Prefixed().wire_name("git", tool="git_status") == "git__git_status"


@pytest.mark.parametrize("tool", ["a.b", "a/b", "a b", "ä", "a" * 60, "\n", "a__b.c"])
def test_an_illegal_or_long_name_is_shortened_with_a_digest(tool: str) -> None:
    name = Prefixed().wire_name("files", tool=tool)
    assert re.fullmatch(r"files__[A-Za-z0-9_-]*_[0-9a-f]{10}", name)
    assert len(name) <= 64


@given(SERVERS, TOOLS)
def test_every_wire_name_is_legal(server: str, tool: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,64}", Prefixed().wire_name(server, tool=tool))
    assert re.fullmatch(r"[A-Za-z0-9_.-]{1,128}", Unprefixed().wire_name(server, tool=tool))


@given(st.lists(st.tuples(SERVERS, TOOLS), unique=True, max_size=20))
def test_different_tools_have_different_names(tools: list[tuple[str, str]]) -> None:
    names = [Prefixed().wire_name(server, tool=tool) for server, tool in tools]
    assert len(set(names)) == len(tools)


def test_one_server_s_tool_cannot_take_the_name_of_another_s() -> None:
    assert Prefixed().wire_name("a", tool="b__c") == "a__b__c"
    assert Prefixed().wire_name("a-b", tool="c") == "a-b__c"


def test_a_server_alone_keeps_its_names() -> None:
    assert Unprefixed().wire_name("git", tool="repo.status") == "repo.status"


def test_the_table_is_in_the_order_of_names_and_keeps_all_that_share_one() -> None:
    offers = [offer("b", "x"), offer("c", "y"), offer("a", "x"), offer("c", "y")]
    table = named(offers, naming=Prefixed())
    assert list(table.items()) == [("a__x", [offers[2]]), ("b__x", [offers[0]]), ("c__y", [offers[1], offers[3]])]
