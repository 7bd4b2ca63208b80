from pdp.core.contract.reason_code import ReasonCode
from pdp.core.contract.record_terms import Effect
from pdp.policytest.run import CaseResult, Decided, Mismatch, Run, Shown, run
from tests.unit.policytest.sample import POLICIES, bundle, cases


def outcome(text: str, *, policies: str = POLICIES) -> Run:
    return run(cases(text), bundle=bundle(policies))


def result(text: str) -> CaseResult:
    (only,) = outcome(text).results
    return only


def test_a_case_passes_when_all_it_names_comes_true() -> None:
    found = result("- {name: a, principal: alice, call: box/get, expect: {decision: allow, policies: [readers]}}")
    assert found.mismatches == ()
    assert found.got == Decided(Effect.ALLOW, ReasonCode.ALLOWED, ("readers",))


def test_each_member_is_compared() -> None:
    found = result(
        """
        - name: a
          principal: alice
          now: 2026-07-28T05:59:59Z
          call: box/get
          expect: {decision: allow, reason: allowed, policies: [readers], message: fine, obligations: [mask]}
        """
    )
    assert found.mismatches == (
        Mismatch("decision", Effect.ALLOW, Effect.DENY),
        Mismatch("reason", ReasonCode.ALLOWED, ReasonCode.FORBIDDEN_BY_POLICY),
        Mismatch("policies", ("readers",), ("by-day",)),
        Mismatch("message", "fine", "only by day"),
        Mismatch("obligations", ("mask",), ()),
    )


def test_policies_are_all_that_determine_in_any_order_and_no_others() -> None:
    text = """
    - name: a
      principal: alice
      now: 2026-07-28T05:00:00Z
      ip: 10.0.0.1
      call: box/get
      expect: {decision: deny, policies: %s}
    """
    assert result(text % "[by-day, at-home]").mismatches == ()
    assert result(text % "[at-home, by-day]").mismatches == ()
    assert result(text % "[by-day]").mismatches == (Mismatch("policies", ("by-day",), ("at-home", "by-day")),)
    assert result(text % "[]").mismatches == (Mismatch("policies", (), ("at-home", "by-day")),)


def test_an_obligation_that_a_case_does_not_name_fails_it() -> None:
    text = "- {name: a, principal: alice, call: box/put, arguments: {path: in/a}, expect: %s}"
    assert result(text % "{decision: allow}").mismatches == (Mismatch("obligations", (), ("mask",)),)
    assert result(text % "{decision: allow, obligations: [mask]}").mismatches == ()


def test_a_marked_path_is_decided_in_its_one_form() -> None:
    text = "- {name: a, principal: alice, call: box/put, arguments: {path: '%s'}, expect: {decision: deny}}"
    allowed = result(text % "out/../in/%2e/a").got
    outside = result(text % "in/../out/a").got
    assert isinstance(allowed, Decided)
    assert isinstance(outside, Decided)
    assert (allowed.decision, outside.reason) == (Effect.ALLOW, ReasonCode.NO_POLICY_ALLOWS)


def test_arguments_that_an_enforcer_refuses_are_refused_with_its_words() -> None:
    text = "- {name: a, principal: alice, call: box/get, arguments: %s, expect: {decision: deny}}"
    for arguments, message in (
        ("{count: many}", "invalid arguments: `/count` breaks `type`"),
        ("{count: 10}", "invalid arguments: `/count` breaks `maximum`"),
        ("{other: 1}", "invalid arguments: `other` is not declared"),
    ):
        expected = Decided(Effect.DENY, ReasonCode.ARGUMENTS_INVALID, message=message)
        assert result(text % arguments).got == expected


def test_a_denial_without_a_policys_message_reads_as_the_caller_reads_it() -> None:
    text = "- {name: a, principal: bob, call: box/get, expect: {decision: deny, message: no policy allows this call}}"
    assert result(text).mismatches == ()


def test_a_tool_that_left_the_catalog_since_is_unknown() -> None:
    found = cases("- {name: a, principal: bob, call: box/get, expect: {decision: deny, reason: tool_unknown}}")
    smaller = bundle().catalog.__class__([tool for tool in bundle().catalog.tools() if tool.name != "get"])
    whole = bundle()
    shrunk = whole.__class__(whole.manifest, catalog=smaller, compiled=whole.compiled, max_age=1.0)
    assert run(found, bundle=shrunk).failed == ()


def test_a_listing_is_compared_with_what_it_names_alone() -> None:
    text = "- {name: a, principal: alice, list: true, expect: %s}"
    assert result(text % "{includes: [box/get], excludes: [box/hide]}").mismatches == ()
    found = result(text % "{includes: [box/hide, box/get], excludes: [box/put]}")
    assert found.got == Shown(("box/get", "box/put"))
    assert found.mismatches == (
        Mismatch("includes", ("box/get", "box/hide"), ("box/get",)),
        Mismatch("excludes", (), ("box/put",)),
    )


def test_a_policy_counts_as_exercised_when_a_passing_case_names_it() -> None:
    named = "- {name: a, principal: alice, call: box/get, expect: {decision: allow, policies: [readers]}}"
    assert outcome(named).unexercised == ("at-home", "by-day", "writers")
    unnamed = "- {name: a, principal: alice, call: box/get, expect: {decision: allow}}"
    assert outcome(unnamed).unexercised == ("at-home", "by-day", "readers", "writers")
    failing = "- {name: a, principal: alice, call: box/get, expect: {decision: deny, policies: [readers]}}"
    assert outcome(failing).unexercised == ("at-home", "by-day", "readers", "writers")


def test_the_same_cases_run_twice_are_decided_alike() -> None:
    found = cases("- {name: a, principal: alice, call: box/get, expect: {decision: allow}}")
    same = bundle()
    assert run(found, bundle=same) == run(found, bundle=same)
