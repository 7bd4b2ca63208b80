from collections.abc import Sequence
from textwrap import dedent
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pdp.core.contract.errors import ConfigurationError
from pdp.core.identity.principal import Principal, PrincipalType, SubjectProperties
from pdp.policytest.cases import CallCase, ListCase, read_cases
from tests.unit.policytest.sample import HEAD, bundle, cases, read

GOOD = "- {name: a, principal: alice, call: box/get, expect: {decision: allow}}"
# The head takes seven lines, so the first case stands in line 8.
FIRST = 8


def problems(text: str) -> list[tuple[int, str, str]]:
    with pytest.raises(ConfigurationError) as caught:
        read(text)
    assert {problem.file for problem in caught.value.problems} == {"t.yaml"}
    return [(problem.line, problem.code, problem.message) for problem in caught.value.problems]


def problems_with(text: str) -> list[tuple[int, str, str]]:
    return problems(HEAD + dedent(text))


def test_a_call_is_read_with_its_defaults() -> None:
    (case,) = cases(
        """
        - name: a
          principal: alice
          call: box/get
          arguments: {key: k, count: 3}
          expect: {decision: allow, policies: [readers]}
        """
    )
    assert isinstance(case, CallCase)
    assert case.asker.principal == Principal(
        PrincipalType.USER, "dev|alice", properties=SubjectProperties(groups=("dev|eng",))
    )
    assert (case.asker.file, case.asker.line, case.asker.name) == ("t.yaml", FIRST + 1, "a")
    assert (case.tool, case.arguments, case.now) == ("box/get", {"key": "k", "count": 3}, 1_785_229_200.0)
    assert case.asker.seen == {"ip": None, "transport": None, "session": None, "enforcer": None}


def test_a_case_overrides_its_defaults_and_null_takes_them_away() -> None:
    text = HEAD.replace("Z}", "Z, ip: 10.0.0.1, transport: stdio}")
    own, none = read(
        text
        + dedent(
            """
            - {name: a, principal: bob, ip: "::1", session: s, call: box/get, expect: {decision: allow}}
            - {name: b, principal: bob, ip: null, call: box/get, expect: {decision: allow}}
            """
        )
    )
    assert own.asker.seen == {"ip": "::1", "transport": "stdio", "session": "s", "enforcer": None}
    assert none.asker.seen == {"ip": None, "transport": "stdio", "session": None, "enforcer": None}


def test_a_chain_of_agents_becomes_the_delegation_that_a_token_would_give() -> None:
    text = """
version: 1
defaults: {now: 2026-07-28T09:00:00Z}
principals:
  alice:
    {type: user, id: dev|alice, delegation: [dev|b, dev|a], scopes: [z, y], tenant: dev|t, attributes: {email: a@b.c}}
cases:
  - {name: a, principal: alice, list: true, expect: {includes: [box/get]}}
"""
    (case,) = read(text)
    assert isinstance(case, ListCase)
    assert case.asker.principal == Principal(
        PrincipalType.USER,
        "dev|alice",
        properties=SubjectProperties(tenant="dev|t", attributes={"email": "a@b.c"}),
        scopes=("y", "z"),
        actor="dev|b",
        chain=("dev|b", "dev|a"),
    )


def test_a_call_and_a_listing_need_a_time() -> None:
    text = HEAD.replace("defaults: {now: 2026-07-28T09:00:00Z}\n", "")
    listing = "- {name: a, principal: bob, list: true, expect: {excludes: [box/put]}}"
    missing = [(7, "now_missing", "say when: `now` in the case or in `defaults`")]
    assert (problems(text + GOOD), problems(text + listing)) == (missing, missing)


def test_cases_of_many_files_come_by_file_and_line() -> None:
    files = {name: f"{HEAD}{GOOD}\n{GOOD.replace('name: a', 'name: b')}".encode() for name in ("b.yaml", "a.yaml")}
    found = read_cases(files, catalog=bundle().catalog)
    assert [(case.asker.file, case.asker.name) for case in found] == [
        ("a.yaml", "a"), ("a.yaml", "b"), ("b.yaml", "a"), ("b.yaml", "b"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ("{}", (FIRST, "invalid", "object missing required field `name`")),
        ("text", (FIRST, "invalid", "expected `object`, got `str`")),
        ("{name: '', principal: bob, call: box/get, expect: {decision: deny}}",
         (FIRST, "invalid", "`name`: expected `str` of length >= 1")),
        ("{name: a, principal: bob, cal: box/get, expect: {decision: deny}}",
         (FIRST, "unknown", "`cal` means nothing here, did you mean `call`")),
        ("{name: a, principal: bobby, call: box/get, expect: {decision: deny}}",
         (FIRST, "principal_unknown", "there is no principal `bobby` in this file, did you mean `bob`")),
        ("{name: a, principal: bob, call: box/gett, expect: {decision: deny}}",
         (FIRST, "tool_unknown", "there is no tool `box/gett` in the catalog, did you mean `box/get`")),
        ("{name: a, principal: bob, expect: {decision: deny}}",
         (FIRST, "invalid", "a case has a `call`, or `list: true`")),
        ("{name: a, principal: bob, list: false, expect: {includes: [box/get]}}",
         (FIRST, "invalid", "`list`: invalid enum value False")),
        ("{name: a, principal: bob, list: true, call: box/get, expect: {includes: [box/get]}}",
         (FIRST, "invalid", "a case with `list: true` has no `call`, no `arguments` and no `definition`")),
        ("{name: a, principal: bob, list: true, arguments: {}, expect: {includes: [box/get]}}",
         (FIRST, "invalid", "a case with `list: true` has no `call`, no `arguments` and no `definition`")),
        ("{name: a, principal: bob, call: box/get, arguments: [1], expect: {decision: deny}}",
         (FIRST, "invalid", "`arguments`: expected `object`, got `array`")),
        ("{name: a, principal: bob, call: box/get, expect: {}}",
         (FIRST, "expectation_empty", "a case that expects nothing cannot fail")),
        ("{name: a, principal: bob, list: true, expect: {includes: []}}",
         (FIRST, "expectation_empty", "a case that expects nothing cannot fail")),
        ("{name: a, principal: bob, list: true, expect: {includes: [box/get], excludes: [box/get]}}",
         (FIRST, "expectation_impossible", "`box/get` cannot be both shown and not shown")),
        ("{name: a, principal: bob, list: true, expect: {excludes: [box/got]}}",
         (FIRST, "tool_unknown", "there is no tool `box/got` in the catalog, did you mean `box/get`")),
        ("{name: a, principal: bob, list: true, expect: {decision: deny}}",
         (FIRST, "unknown", "`decision` means nothing here")),
        ("{name: a, principal: bob, call: box/get, expect: {policies: [readers]}}",
         (FIRST, "invalid", "object missing required field `decision`")),
        ("{name: a, principal: bob, call: box/get, expect: {decision: alow}}",
         (FIRST, "invalid", "`decision`: invalid enum value `alow`")),
        ("{name: a, principal: bob, call: box/get, expect: {decision: deny, reason: nope}}",
         (FIRST, "invalid", "`reason`: invalid enum value `nope`")),
        ("{name: a, principal: bob, call: box/get, expect: {decision: deny, policies: readers}}",
         (FIRST, "invalid", "`policies`: expected `array`, got `str`")),
        ("{name: a, principal: bob, call: box/get, expect: {decision: deny, policy: [readers]}}",
         (FIRST, "unknown", "`policy` means nothing here, did you mean `policies`")),
        ("{name: a, principal: bob, now: noon, call: box/get, expect: {decision: deny}}",
         (FIRST, "invalid", "`now` is a time as `2026-07-28T09:00:00Z`")),
        ("{name: a, principal: bob, now: 2026-07-28T09:00:00, call: box/get, expect: {decision: deny}}",
         (FIRST, "invalid", "`now` is a time as `2026-07-28T09:00:00Z`")),
        ("{name: a, principal: bob, now: null, call: box/get, expect: {decision: deny}}",
         (FIRST, "now_missing", "say when: `now` in the case or in `defaults`")),
        ("{name: a, principal: bob, ip: 10.0.0.0/8, call: box/get, expect: {decision: deny}}",
         (FIRST, "invalid", "`ip` is an address as `10.1.2.3` or `2001:db8::1`")),
    ],
)  # fmt: skip
def test_a_case_that_is_wrong_is_refused_with_its_line(case: str, expected: tuple[int, str, str]) -> None:
    assert problems_with(f"- {case}") == [expected]


@pytest.mark.parametrize(
    ("principal", "expected"),
    [
        ("{type: usr, id: dev|a}", "`type`: invalid enum value `usr`"),
        ("{id: dev|a}", "object missing required field `type`"),
        ("{type: user, id: dev|a, gropus: []}", "`gropus` means nothing here, did you mean `groups`"),
        ("{type: user, id: dev|a, groups: eng}", "`groups`: expected `array`, got `str`"),
        ("{type: user, id: alice}", "`alice` does not say which issuer it is of, as in `dev|alice`"),
        ("{type: user, id: ''}", "`` does not say which issuer it is of, as in `dev|name`"),
        ("{type: user, id: dev|a, groups: [eng]}", "`eng` does not say which issuer it is of, as in `dev|eng`"),
        ("{type: user, id: dev|a, roles: ['|r']}", "`|r` does not say which issuer it is of, as in `dev||r`"),
        ("{type: user, id: dev|a, tenant: t}", "`t` does not say which issuer it is of, as in `dev|t`"),
        ("{type: user, id: dev|a, actor: bot}", "`bot` does not say which issuer it is of, as in `dev|bot`"),
        ("{type: user, id: dev|a, delegation: [bot]}", "`bot` does not say which issuer it is of, as in `dev|bot`"),
        ("{type: user, id: dev|a, actor: dev|x, delegation: [dev|y]}", "`actor` is the first of `delegation`"),
        ("12", "expected `object`, got `int`"),
    ],
)
def test_a_principal_that_is_wrong_is_refused_once(principal: str, expected: str) -> None:
    text = HEAD.replace("  bob: {type: user, id: dev|bob}", f"  bob: {principal}")
    used = GOOD.replace("alice", "bob")
    assert [(line, message) for line, _, message in problems(text + used)] == [(6, expected)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "a file of policy tests has `version`, `principals` and `cases`"),
        ("[]", "a file of policy tests has `version`, `principals` and `cases`"),
        ("version: 2\ncases: []", "`version` must be 1"),
        ("cases: []", "`version` must be 1"),
        ("version: true\ncases: []", "`version` must be 1"),
        ("version: 1.0\ncases: []", "`version` must be 1"),
        ("version: '1'\ncases: []", "`version` must be 1"),
        ("version: 1", "a file of policy tests has at least one case"),
        ("version: 1\ncases: []", "a file of policy tests has at least one case"),
        ("version: 1\ncases: {}", "a file of policy tests has at least one case"),
        ("version: 1\ncase: []", "`case` means nothing here, did you mean `cases`"),
        ("version: 1\nprincipals: []", "`principals` maps names to principals"),
        ("version: 1\ndefaults: []", "expected `object`, got `array`"),
        ("version: 1\ndefaults: {nwo: x}", "`nwo` means nothing here, did you mean `now`"),
    ],
)
def test_a_file_that_is_wrong_is_refused(text: str, expected: str) -> None:
    assert expected in [message for _, _, message in problems(text)]


def test_a_wrong_default_is_reported_once_where_it_stands() -> None:
    text = HEAD.replace("{now: 2026-07-28T09:00:00Z}", "{now: later, ip: here}")
    assert problems(f"{text}{GOOD}\n{GOOD.replace('name: a', 'name: b')}") == [
        (3, "invalid", "`ip` is an address as `10.1.2.3` or `2001:db8::1`"),
        (3, "invalid", "`now` is a time as `2026-07-28T09:00:00Z`"),
    ]


def test_a_name_twice_is_refused_even_on_one_line() -> None:
    assert problems_with(f"{GOOD}\n{GOOD}") == [(FIRST + 1, "name_repeated", f"case `a` is also in line {FIRST}")]
    one_line = f"{GOOD.removeprefix('- ')}"
    text = HEAD.replace("cases:\n", f"cases: [{one_line}, {one_line}]\n")
    assert problems(text) == [(7, "name_repeated", "case `a` is also in line 7")]


def test_every_problem_of_every_file_is_reported() -> None:
    bad = f"{HEAD}- {{}}\n- {{name: a, principal: carl, call: box/none, expect: {{decision: allow}}}}"
    with pytest.raises(ConfigurationError) as caught:
        read_cases({"b.yaml": bad.encode(), "a.yaml": b"\xff", "c.yaml": b"version: 1\n- a"}, catalog=bundle().catalog)
    assert [(problem.file, problem.line, problem.code) for problem in caught.value.problems] == [
        ("a.yaml", 1, "encoding_invalid"),
        ("b.yaml", 8, "invalid"),
        ("b.yaml", 9, "principal_unknown"),
        ("b.yaml", 9, "tool_unknown"),
        ("c.yaml", 2, "yaml_invalid"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "a: &a [1]\nb: *a",
        "version: !!python/object/apply:os.system [id]",
        "version: 1\nversion: 1",
        "version: 1\n---\nversion: 1",
        "? [a]\n: 1",
        "version: 1\x00",
        "[" * 10_000,
        "{a: " * 5_000,
        "- " * 5_000 + "x",
        "version: 1\ncases:\n" + "- {}\n" * 60_000,
        "x" * (2 * 1024 * 1024),
        "\t- 1",
        "'",
        "version: 1\ncases: [" + "[{}]," * 100 + "]",
    ],
)
def test_hostile_yaml_is_refused_as_a_problem(text: str) -> None:
    assert problems(text)


_WORDS = (
    "version defaults principals cases name principal call list expect now ip type id groups arguments decision "
    "policies includes alice box/get"
)
_KEYS = st.sampled_from(_WORDS.split())
_LEAVES = st.sampled_from([None, True, 1, 1.5, "", "alice", "allow", "box/get", "dev|alice", "user", "10.0.0.1"])
_TREES = st.recursive(_LEAVES, lambda inner: st.lists(inner) | st.dictionaries(_KEYS, inner), max_leaves=30)
_SHAPED = st.fixed_dictionaries(
    {"version": st.just(1), "principals": st.dictionaries(_KEYS, _TREES), "cases": st.lists(_TREES, min_size=1)}
)
_CATALOG = bundle().catalog


@given(_TREES | _SHAPED)
def test_whatever_a_file_says_it_is_cases_or_problems(tree: Any) -> None:
    found: Sequence[object]
    try:
        found = read_cases({"t.yaml": msgspec.json.encode(tree)}, catalog=_CATALOG)
    except ConfigurationError as error:
        found = error.problems
    assert found
