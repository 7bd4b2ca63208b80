import pytest

from pdp.core.catalog.tool import Mark
from pdp.core.contract.authzen import Action, ResourceKind, ResourceSearchRequest, Subject
from pdp.core.contract.errors import Refused
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.engine.residual.audience import Visibility
from tests.unit.engine.residual.seen import CALL, COUNT, NOON, TEXT, asked, listing, permitted, seen, tool

NO, MAYBE, YES = Visibility.NO, Visibility.MAYBE, Visibility.YES
OBJECT = {"type": "object"}
PLAIN = tool({})


def test_nothing_is_shown_without_a_permit() -> None:
    assert listing("", PLAIN).visible(asked(), now=NOON) == []


def test_a_tool_that_is_always_allowed_is_told_from_one_that_may_be() -> None:
    assert seen(f"permit ({CALL});", tool({"x": TEXT})) is YES
    assert permitted("context.arguments has x", tool({"x": TEXT})) is MAYBE


def test_a_permit_that_fails_allows_nothing_and_a_forbid_that_fails_denies() -> None:
    fails = "9223372036854775807 + 1 > 0"
    assert permitted(fails, PLAIN) is NO
    assert seen(f"permit ({CALL}); permit ({CALL}) when {{ {fails} }};", PLAIN) is YES
    assert seen(f"permit ({CALL}); forbid ({CALL}) when {{ {fails} }};", PLAIN) is NO


def test_conditions_on_all_but_arguments_decide() -> None:
    assert permitted('context.scopes.contains("a")', PLAIN, scopes=["a"]) is YES
    assert permitted('context.scopes.contains("a")', PLAIN, scopes=["b"]) is NO
    assert permitted('principal in Mcp::Group::"corp|eng" && resource.name == "put"', PLAIN) is YES
    assert permitted('resource in Mcp::Server::"box" && action in Mcp::Action::"tools/call"', PLAIN) is YES
    assert permitted("resource.readOnly", PLAIN) is NO


def test_what_cannot_be_represented_must_be_absent_where_it_is_read() -> None:
    reads = f"permit ({CALL}); forbid ({CALL}) when {{ context.arguments has x && false }};"
    assert seen(reads, tool({"x": OBJECT})) is NO
    assert seen(reads, tool({"x": OBJECT}, required=())) is MAYBE
    assert permitted("context.arguments has x", tool({"x": OBJECT}, required=())) is NO
    assert permitted("context.arguments has y", tool({"x": OBJECT, "y": TEXT})) is MAYBE


def test_a_record_whose_part_cannot_be_represented_must_be_absent_where_that_is_read() -> None:
    inner = {"type": "object", "properties": {"free": OBJECT, "n": COUNT}, "required": ["free"]}
    reads = "context.arguments has x && context.arguments.x has free"
    assert permitted(f"!({reads})", tool({"x": inner}, required=())) is MAYBE
    assert permitted(f"!({reads})", tool({"x": inner})) is NO
    assert permitted("context.arguments has x && context.arguments.x has n", tool({"x": inner})) is MAYBE


@pytest.mark.parametrize(("ip", "expected"), [("10.1.2.3", YES), ("192.0.2.1", NO), ("fe80::1%eth0", NO), (7, NO)])
def test_an_address_that_cannot_be_represented_denies_where_it_is_read(ip: object, expected: Visibility) -> None:
    assert permitted('context has ip && context.ip.isInRange(ip("10.0.0.0/8"))', PLAIN, ip=ip) is expected
    assert permitted("true", PLAIN, ip=ip) is YES


LIST = 'principal, action == Mcp::Action::"tools/list", resource'


@pytest.mark.parametrize(
    ("on_list", "expected"),
    [
        (f'permit ({LIST} == Mcp::Server::"box");', YES),
        (f'forbid ({LIST} == Mcp::Server::"box");', NO),
        (f'forbid ({LIST} == Mcp::Server::"other");', YES),
        (f'forbid ({LIST}) when {{ context.scopes.contains("a") }};', NO),
        (f'forbid ({LIST}) when {{ context.scopes.contains("b") }};', YES),
        (f"forbid ({LIST}) when {{ 9223372036854775807 + 1 > 0 }};", NO),
    ],
)
def test_a_policy_on_listing_can_hide_and_never_show(on_list: str, expected: Visibility) -> None:
    other = tool({}, name="get", server="other")
    found = listing(f"permit ({CALL}); {on_list}", PLAIN, other).visibilities(asked(scopes=["a"]), now=NOON)
    assert found["box/put"] is expected
    assert found["other/get"] is NO


def test_a_list_is_sorted_and_names_what_may_be_called_alone() -> None:
    tools = [tool({"x": TEXT}, name=name) for name in ("b", "a", "c")]
    policies = (
        'permit (principal, action in Mcp::Action::"tools/call", resource);'
        'forbid (principal, action == Mcp::Action::"box/c", resource) when { context.arguments.x like "*" };'
    )
    assert listing(policies, *tools).visible(asked(), now=NOON) == ["box/a", "box/b"]


def test_a_list_is_another_once_time_has_changed_an_answer_and_the_same_before() -> None:
    hours = 'context.now.toTime() >= duration("9h") && context.now < datetime("2026-07-29T11:00:00Z")'
    held = listing(f"permit ({CALL}) when {{ {hours} }};", PLAIN)
    early, noon, next_noon = NOON - 4 * 3600, NOON, NOON + 24 * 3600
    shown = [bool(held.visible(asked(), now=now)) for now in (noon, early, noon + 1, next_noon, noon)]
    assert shown == [True, False, True, False, True]


def test_a_list_for_one_is_no_list_for_another() -> None:
    held = listing(f'permit ({CALL}) when {{ context has session && context.session == "s" }};', PLAIN)
    assert [len(held.visible(asked(session=each), now=NOON)) for each in ("s", "t", "s", 1)] == [1, 0, 1, 0]


def test_lists_do_not_share_what_is_held_by_those_who_read_them() -> None:
    held = listing(f"permit ({CALL});", PLAIN)
    held.visible(asked(), now=NOON).clear()
    assert held.visible(asked(), now=NOON) == ["box/put"]


def test_a_narrowing_by_another_policy_is_not_taken_for_the_same_tool() -> None:
    only = tool({"x": {"type": "object", "properties": {"free": OBJECT, "n": COUNT}}}, required=())
    reads = "context.arguments has x && context.arguments.x has free"
    policies = (
        f"permit ({CALL}) when {{ context.arguments has x && context.arguments.x == context.arguments.x }};"
        f'forbid (principal in Mcp::Group::"corp|eng", action == Mcp::Action::"box/put", resource) when {{ {reads} }};'
    )
    held = listing(policies, only)
    stranger = ResourceSearchRequest(Subject("user", "corp|bob"), Action("tools/call"), ResourceKind("tool"))
    assert [held.visibilities(each, now=NOON)["box/put"] for each in (asked(), stranger)] == [MAYBE, MAYBE]


def test_a_request_that_is_none_is_refused() -> None:
    wrong = ResourceSearchRequest(Subject("robot", "corp|ann"), Action("tools/call"), ResourceKind("tool"))
    with pytest.raises(Refused) as refused:
        listing("", PLAIN).visible(wrong, now=NOON)
    assert refused.value.code is ReasonCode.REQUEST_INVALID


def test_a_policy_made_to_take_long_is_given_up_and_the_tool_shown() -> None:
    many = " || ".join(f'context.arguments.x{n} like "*{n}*{n + 1}*"' for n in range(12))
    each = " && ".join(f"context.arguments.x{n} != context.arguments.x{n + 1}" for n in range(11))
    only = tool({f"x{n}": TEXT for n in range(12)})
    assert permitted(f"({many}) && !({many}) && {each}", only) is MAYBE


def test_a_long_list_of_literals_is_tried_whole() -> None:
    names = ", ".join(f'"name-{n}"' for n in range(400))
    x = "context.arguments.x"
    assert permitted(f'[{names}].contains({x}) && {x} like "other*"', tool({"x": TEXT})) is NO
    assert permitted(f'[{names}].contains({x}) && {x} like "*-399"', tool({"x": TEXT})) is MAYBE


def test_a_text_inside_an_argument_comes_in_the_form_of_its_own_mark() -> None:
    inner = {"type": "object", "properties": {"path": TEXT, "note": TEXT}, "required": ["path", "note"]}
    only = tool({"file": inner}, marks={"/file/path": Mark.PATH})
    assert permitted('context.arguments.file.path == "a/../b"', only) is Visibility.NO
    assert permitted('context.arguments.file.note == "a/../b"', only) is Visibility.MAYBE
    assert permitted('context.arguments.file.path == "b"', only) is Visibility.MAYBE
