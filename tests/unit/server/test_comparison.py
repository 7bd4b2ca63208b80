import msgspec
import pytest

from pdp.core.contract.authzen import AnswerContext, EvaluationRequest, EvaluationResponse
from pdp.core.contract.comparison_record import Answered, Difference
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.contract.record_terms import Change, Effect
from pdp.server.comparison import Compared, Comparison, Incomparable, Note, Sample, compare
from tests.unit.server.shadowing import FORBID, NOW, PERMIT, answered, asked, bundle, failing, sample

ALLOWED = Answered(Effect.ALLOW, ReasonCode.ALLOWED, ["all"])
FORBIDDEN = Answered(Effect.DENY, ReasonCode.FORBIDDEN_BY_POLICY, ["freeze"])
NOBODY = Answered(Effect.DENY, ReasonCode.NO_POLICY_ALLOWS)


def compared(active: str, shadow: str, request: EvaluationRequest | None = None, *, now: float = NOW) -> Difference:
    found = compare(sample(bundle(active), request, now=now, shadow=bundle(shadow)))
    assert isinstance(found, Compared)
    assert found.difference is not None
    return found.difference


def test_the_same_answer_is_no_difference() -> None:
    assert compare(sample(bundle(), shadow=bundle())) == Compared(None)
    unread = f'{PERMIT} @id("other") permit (principal == Mcp::User::"corp|bob", action, resource);'
    assert compare(sample(bundle(), shadow=bundle(unread))) == Compared(None)


def test_a_difference_says_who_was_answered_what_and_never_the_arguments() -> None:
    request = asked(actor="corp|agent", arguments={"repo": "hunter2"})
    found = compared(PERMIT, f"{PERMIT} {FORBID}", request)
    assert found == Difference(
        decision_id="0" * 32,
        time="2026-07-28T09:00:00.000Z",
        change=Change.ALLOW_TO_DENY,
        active=ALLOWED,
        shadow=FORBIDDEN,
        method="tools/call",
        server="git",
        tool="git_log",
        principal="corp|alice",
        actor="corp|agent",
    )
    assert b"hunter2" not in msgspec.json.encode(found)


OBLIGED = PERMIT.replace("permit", '@obligation("mask") permit')
TOLD = FORBID.replace("forbid", '@message("not now") forbid')
OTHER = PERMIT.replace('"all"', '"everyone"')
NEEDS = '@id("all") permit (principal, action, resource) when { context.scopes.contains("SCOPE") };'


@pytest.mark.parametrize(
    ("active", "shadow", "change"),
    [
        (PERMIT, FORBID, Change.ALLOW_TO_DENY),
        (FORBID, PERMIT, Change.DENY_TO_ALLOW),
        (
            FORBID,
            PERMIT.replace("all", "b").replace("principal,", 'principal == Mcp::User::"b|b",'),
            Change.REASON_CODE,
        ),
        (PERMIT, OTHER, Change.POLICIES),
        (PERMIT, f"{PERMIT} {OTHER}", Change.POLICIES),
        (PERMIT, OBLIGED, Change.OBLIGATIONS),
        (NEEDS.replace("SCOPE", "a"), NEEDS.replace("SCOPE", "b"), Change.SCOPES),
        (FORBID, TOLD, Change.MESSAGE),
    ],
)
def test_each_change_has_its_name(active: str, shadow: str, change: Change) -> None:
    assert compared(active, shadow).change is change


@pytest.mark.parametrize(
    ("member", "value", "change"),
    [
        ("reason_code", ReasonCode.POLICY_ERROR, Change.REASON_CODE),
        ("policies", ["x"], Change.POLICIES),
        ("errors", ["x"], Change.POLICIES),
        ("obligations", ["x"], Change.OBLIGATIONS),
        ("scopes", ["x"], Change.SCOPES),
        ("message", "x", Change.MESSAGE),
        ("generation", 9, None),
        ("bundle", "x", None),
        ("decision_id", "x", None),
        ("detail", "x", None),
        ("schema_digest", "x", None),
        ("revocations", 9, None),
    ],
)
def test_every_member_that_a_caller_or_auditor_could_tell_apart_is_compared(
    member: str, value: object, change: Change | None
) -> None:
    active, request = bundle(), asked()
    good = answered(active, request)
    toolgate = msgspec.structs.replace(good.context.toolgate, **{member: value})
    given = Sample(request, EvaluationResponse(good.decision, AnswerContext(toolgate)), NOW, active)
    found = compare(given)
    assert isinstance(found, Compared)
    assert (None if found.difference is None else found.difference.change) is change


def test_the_shadow_is_asked_at_the_instant_of_the_answer() -> None:
    until = PERMIT.replace(";", ' when { context.now < datetime("2026-07-28T09:00:00.001Z") };')
    assert compare(sample(bundle(until), shadow=bundle(until))) == Compared(None)
    later = sample(bundle(until), shadow=bundle(until), now=NOW + 0.001)
    assert compare(later) == Compared(None)
    assert later.response.decision is False


def test_a_shadow_that_fails_is_a_difference_of_its_own_and_quotes_nothing() -> None:
    found = compare(sample(bundle(), shadow=failing()))
    assert isinstance(found, Compared)
    assert found.difference is not None
    assert (found.difference.change, found.difference.failure, found.difference.shadow) == (
        Change.FAILED,
        "KeyError",
        None,
    )
    assert b"hunter2" not in msgspec.json.encode(found.difference)


def test_many_policies_and_long_names_are_cut_and_counted() -> None:
    many = "".join(PERMIT.replace('"all"', f'"p{n:03}"') for n in range(100))
    found = compared(many, FORBID, asked(actor="a" * 10_000))
    assert (len(found.active.policies), found.active.more, found.active.policies[0]) == (20, 80, "p000")
    assert len(found.actor or "") == 256


ISSUER = "version: 1\nissuers: {corp: {id: {claim: sub}}}\n"
TYPED = (
    "version: 1\nattributes: {level: %s}\nissuers: {corp: {id: {claim: sub}, attributes: {level: {claim: level}}}}\n"
)
ON_LEVEL = '@id("all") permit (principal, action, resource) when { principal has level && principal.level == "x" };'


def mapped(active: str, shadow: str, policy: str = PERMIT, **attributes: object) -> Comparison:
    one = bundle(policy, identity=active)
    request = asked(properties={"mapping": one.mapping.digest, **attributes})
    given = sample(one, request, shadow=bundle(policy, identity=shadow))
    assert given.response.decision, given.response
    return compare(given)


def test_a_principal_of_another_mapping_is_compared_as_the_active_one_made_it() -> None:
    level = TYPED % "string"
    assert mapped(ISSUER, ISSUER) == Compared(None)
    assert mapped(ISSUER, level) == Compared(None, Note.OTHER_MAPPING)
    assert mapped(level, level.replace("claim: sub", "claim: oid"), ON_LEVEL, level="x") == Compared(
        None, Note.OTHER_MAPPING
    )


def test_a_principal_that_the_other_mapping_cannot_hold_is_incomparable() -> None:
    level, number = TYPED % "string", TYPED % "long"
    assert mapped(level, ISSUER, level="x") == Incomparable(Note.UNHELD)
    assert mapped(level, number, level="x") == Incomparable(Note.UNHELD)


def test_a_principal_that_nobody_mapped_meets_the_shadow_as_it_is() -> None:
    level = TYPED % "string"
    request = asked(properties={"level": "x"})
    found = compare(sample(bundle(identity=level), request, shadow=bundle(identity=ISSUER)))
    assert isinstance(found, Compared)
    assert found.difference is not None
    assert found.difference.shadow == Answered(Effect.DENY, ReasonCode.REQUEST_INVALID)


def test_what_the_active_bundle_did_not_decide_is_incomparable() -> None:
    shadow = bundle(identity=ISSUER)
    for name in ("sha256:gone", shadow.mapping.digest):
        given = sample(bundle(), asked(properties={"mapping": name}), shadow=shadow)
        assert given.response.context.toolgate.reason_code is ReasonCode.BUNDLE_STALE
        assert compare(given) == Incomparable(Note.REMAPPED)


@pytest.mark.parametrize("mapping", [1, {}, [], {"a": 1}, True])
def test_a_mapping_that_is_no_name_is_refused_by_both(mapping: object) -> None:
    given = sample(bundle(), asked(properties={"mapping": mapping}), shadow=bundle(identity=ISSUER))
    assert given.response.context.toolgate.reason_code is ReasonCode.REQUEST_INVALID
    assert compare(given) == Compared(None)


@pytest.mark.parametrize(
    "request_",
    [asked("no-slash"), asked("git/none"), asked("/"), asked(actor=1), asked(properties={"x": 1})],
)
def test_what_both_refuse_is_no_difference(request_: EvaluationRequest) -> None:
    assert compare(sample(bundle(), request_, shadow=bundle(FORBID))) == Compared(None)
