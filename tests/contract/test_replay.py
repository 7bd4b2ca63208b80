"""Every decision of the example repository can be made again from its record and the bundle that it names."""

from functools import cache
from pathlib import Path

import msgspec
import pytest

from pdp.core.bundle.bundle import Bundle, build
from pdp.core.contract.authzen import ToolgateAnswer
from pdp.core.contract.identifier import unix_seconds
from pdp.core.contract.record import DecisionRecord
from pdp.core.contract.record_terms import DecisionOrigin, NotReplayable, Recording
from pdp.core.contract.sealed import seal, unseal
from pdp.core.identity.replay import NotReplayableError, answered, request_of
from pdp.lifecycle.directory import DirectorySource
from pdp.policytest.cases import CallCase, Case, read_cases
from pdp.policytest.entry import Definition
from pdp.policytest.files import read_files
from tests.contract.test_cases_through_the_chain import Enforcer

_ROOT = Path(__file__).resolve().parents[2]
OBLIGED = b"""
@id("obliged") @obligation("watermark") @record("keep")
permit (principal, action == Mcp::Action::"git/git_log", resource);
"""


@cache
def example(more: bytes = b"") -> Bundle:
    sources = DirectorySource(policies=_ROOT / "policies", schemas=_ROOT / "schemas").fetch()
    if more:
        sources = {**sources, "policies/more.cedar": more}
    return build(sources, max_age=1.0)


def cases(bundle: Bundle) -> list[Case]:
    read = read_cases(read_files([_ROOT / "policy-tests"]), catalog=bundle.catalog, mapping=bundle.mapping)
    return [case for case in read if not isinstance(case, CallCase) or case.definition is not Definition.UNSEEN]


async def records_of(
    bundle: Bundle, *, arguments: Recording = Recording.KEEP, times: int = 1
) -> list[tuple[Case, DecisionRecord]]:
    enforcer = Enforcer(bundle, arguments=arguments)
    enforcer.point.known_as = "gateway"
    found: list[tuple[Case, DecisionRecord]] = []
    for case in cases(bundle):
        for _ in range(times):
            before = len(enforcer.point.decisions)
            await enforcer.answer(case)
            (record,) = enforcer.point.decisions[before:]
            kept = unseal(seal(record).content).record
            assert isinstance(kept, DecisionRecord)
            found.append((case, kept))
    return found


def again(record: DecisionRecord, *bundles: Bundle) -> ToolgateAnswer:
    """What the bundle that `record` names answers now."""
    (bundle,) = (one for one in bundles if one.manifest.digest == record.bundle)
    at = record.decided_at
    assert at is not None
    return bundle.evaluate(request_of(record), now=unix_seconds(at), decision_id="again").context.toolgate


def said(record: DecisionRecord) -> tuple[object, ...]:
    return answered(record), record.policies, record.errors, record.obligations, record.decided_at


def says(answer: ToolgateAnswer) -> tuple[object, ...]:
    return answer.reason_code, answer.policies, answer.errors, answer.obligations, answer.decided_at


@pytest.mark.parametrize("more", [b"", OBLIGED])
async def test_a_record_and_its_bundle_make_the_same_decision_again(more: bytes) -> None:
    bundle, other = example(more), example(b'@id("none") forbid (principal, action, resource);')
    replayed = 0
    for case, record in await records_of(bundle):
        if record.not_replayable is None:
            replayed += 1
            assert says(again(record, bundle, other)) == said(record), case.asker.name
    assert replayed > 100
    # the other bundle would have decided otherwise: what is compared above tells bundles apart
    differing = [
        record
        for _, record in await records_of(bundle)
        if record.not_replayable is None
        and says(again(msgspec.structs.replace(record, bundle=other.manifest.digest), bundle, other)) != said(record)
    ]
    assert len(differing) > 50


async def test_a_cached_decision_says_which_one_it_repeats_and_can_be_made_again() -> None:
    bundle = example()
    found = await records_of(bundle, times=2)
    cached = 0
    for (_, first), (case, second) in zip(found[::2], found[1::2], strict=True):
        if second.origin is DecisionOrigin.CACHED:
            cached += 1
            assert (second.decision_id, second.decided_at) == (first.decision_id, first.decided_at)
            assert second.id != first.id
            assert says(again(second, bundle)) == said(second), case.asker.name
    assert cached > 50


async def test_what_cannot_be_made_again_says_the_true_reason() -> None:
    reasons = set()
    for case, record in await records_of(example()):
        if not isinstance(case, CallCase):
            assert record.not_replayable is NotReplayable.LIST
        elif record.decision_id is None:
            assert record.not_replayable is NotReplayable.NOT_DECIDED
        else:
            masked = "[secret]" in str(record.arguments)
            assert record.not_replayable is (NotReplayable.ARGUMENTS_MASKED if masked else None), case.asker.name
        if record.not_replayable is not None:
            reasons.add(record.not_replayable)
            with pytest.raises(NotReplayableError) as refused:
                request_of(record)
            assert refused.value.reason is record.not_replayable
    assert {NotReplayable.LIST, NotReplayable.NOT_DECIDED} <= reasons


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [(Recording.HASH, NotReplayable.ARGUMENTS_HASHED), (Recording.DROP, NotReplayable.ARGUMENTS_DROPPED)],
)
async def test_with_arguments_withheld_a_decision_without_any_can_still_be_made_again(
    arguments: Recording, reason: NotReplayable
) -> None:
    bundle = example()
    for case, record in await records_of(bundle, arguments=arguments):
        if not isinstance(case, CallCase) or record.decision_id is None:
            continue
        if record.not_replayable is None:
            assert arguments is Recording.HASH
            assert record.arguments == {}
            assert says(again(record, bundle)) == said(record)
        else:
            assert record.not_replayable is reason
            for value in case.arguments.values():
                assert not isinstance(value, str) or value not in str(record.arguments)


def test_a_record_of_before_cannot_be_made_again() -> None:
    old = unseal(
        b'{"boot":"b","effect":"allow","id":"i","kind":"decision","latency_us":1,"origin":"fresh",'
        b'"reason_code":"allowed","sequence":1,"time":"2026-07-28T09:00:00.000Z","transport":"stdio","writer":"w"}'
    ).record
    assert isinstance(old, DecisionRecord)
    with pytest.raises(NotReplayableError) as refused:
        request_of(old)
    assert refused.value.reason is NotReplayable.OLD_RECORD
