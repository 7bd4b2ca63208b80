"""No record exceeds its bound, whatever a caller, a token, a server or a decision point says."""

import asyncio
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from enforcers.account import ArgumentRecording
from enforcers.caller import Caller, Identified, Transport
from enforcers.recorder import Recorder
from enforcers.testing.decision_point import answer
from pdp.core.catalog.catalog import Catalog
from pdp.core.catalog.tool import Mark, Tool, Undeclared
from pdp.core.contract.authzen import EvaluationRequest, EvaluationResponse
from pdp.core.contract.digest import digest
from pdp.core.contract.errors import UpstreamError
from pdp.core.contract.message import Request
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.contract.record import DecisionRecord
from pdp.core.contract.record_bounds import MAX_LIST_BYTES, MAX_TEXT, cut, decision_within_bounds
from pdp.core.contract.record_terms import NotReplayable, Recording
from pdp.core.contract.sealed import MAX_RECORD_BYTES, seal
from pdp.core.identity.claims import VerifiedClaims
from pdp.core.identity.principal import Principal, PrincipalType, SubjectProperties
from tests.unit.enforcers.chain_host import CALLER, OFFERS, READ, Host, tool

CLAIMS = VerifiedClaims("corp", "https://idp", "alice", 0.0, {})
CHARACTERS = st.sampled_from(["a", "\0", '"', "\u20ac", "\U0001f600"])
SIZES = st.sampled_from([0, 1, 47, 1024, 5000, 60_000, 300_000])
TEXTS = st.builds(lambda character, size: character * size, CHARACTERS, SIZES)
LISTS = st.builds(
    lambda texts, times: [f"{number}{text}" for number, text in enumerate(texts * times)],
    st.lists(
        st.builds(lambda character, size: character * size, CHARACTERS, st.sampled_from([0, 9, 4096])), max_size=3
    ),
    st.sampled_from([1, 20, 1000]),
)
VALUES = TEXTS | LISTS | st.builds(lambda size: dict.fromkeys(map(str, range(size)), 0), st.sampled_from([1, 30_000]))
MARKS = {"secret": Mark.SECRET, "/many/*": Mark.SECRET}


def open_tool() -> Tool:
    anything = {**tool("files", READ).input_schema, "required": [], "properties": {}}
    return msgspec.structs.replace(
        tool("files", READ), input_schema=anything, undeclared=Undeclared.ALLOW, marks=MARKS,
        record_arguments={"/hashed/*": Recording.HASH, "dropped": Recording.DROP},
    )  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(
    arguments=st.dictionaries(
        st.sampled_from(["a", "secret", "many", "hashed", "dropped"]) | TEXTS, VALUES, max_size=3
    ),
    texts=st.lists(TEXTS, min_size=5, max_size=5),
    lists=st.lists(LISTS, min_size=7, max_size=7),
    recording=st.sampled_from(Recording),
)
def test_no_call_makes_a_record_over_the_bound(
    arguments: dict[str, Any], texts: list[str], lists: list[list[str]], recording: Recording
) -> None:
    principal = Principal(
        PrincipalType.USER,
        texts[0],
        SubjectProperties(tuple(lists[0]), tuple(lists[1]), texts[1], {"note": texts[2], "all": tuple(lists[2])}),
        scopes=tuple(lists[3]),
        actor=texts[3],
        chain=tuple(lists[4]),
    )
    host = Host()
    host.point.active = Catalog([open_tool()])
    host.offers = {"files__read": OFFERS["files__read"]}
    host.upstream.answers = UpstreamError(texts[2])

    def decide(_request: EvaluationRequest) -> EvaluationResponse:
        return answer(ReasonCode.ALLOWED, bundle=texts[4], policies=lists[5], obligations=lists[6])

    host.point.decides = decide
    host.chain._recorder = Recorder(
        host.point, writer="gateway", clock=host.clock, arguments=ArgumentRecording(bytes(32), recording)
    )
    who = Identified(
        Caller(CALLER.credential, Transport.STDIO, session=texts[1], client_ip=texts[3]), principal, CLAIMS
    )
    asyncio.run(
        host.chain.call(Request(texts[0], "tools/call", {"name": "files__read", "arguments": arguments}), who=who)
    )
    assert host.point.decisions
    for record in host.point.records:
        assert len(seal(record).content) <= MAX_RECORD_BYTES


def record(**members: Any) -> DecisionRecord:
    kind: dict[str, Any] = {
        "id": "i", "time": "2026-07-28T09:00:00.000Z", "writer": "w", "boot": "b", "sequence": 1, "effect": "allow",
        "reason_code": "allowed", "origin": "fresh", "transport": "stdio", "latency_us": 1, "version": 2,
    }  # fmt: skip
    return msgspec.convert(kind | members, DecisionRecord)


def test_what_is_left_out_of_a_list_is_counted_and_its_digest_is_that_of_the_whole() -> None:
    names = [f"tool-{number}" for number in range(10_000)]
    bounded = decision_within_bounds(record(shown=names))
    assert bounded.shown is not None
    left = bounded.left_out["shown"]
    assert bounded.shown == names[: len(bounded.shown)]
    assert (len(bounded.shown) + left.count, left.digest) == (10_000, digest(names))
    assert len(msgspec.json.encode(bounded.shown)) <= MAX_LIST_BYTES
    assert bounded.not_replayable is None


def test_what_a_request_needs_and_was_left_out_makes_it_not_replayable() -> None:
    names = [f"group-{number}" for number in range(10_000)]
    for member, value in {"groups": names, "attributes": {"all": names}, "principal": "p" * 2000}.items():
        assert decision_within_bounds(record(**{member: value})).not_replayable is NotReplayable.REQUEST_TOO_LARGE
    kept = record(groups=names, not_replayable=NotReplayable.ARGUMENTS_MASKED)
    assert decision_within_bounds(kept).not_replayable is NotReplayable.ARGUMENTS_MASKED


def test_a_record_within_its_bounds_stays_what_it_is() -> None:
    small = record(groups=["a"], detail="d" * MAX_TEXT)
    assert decision_within_bounds(small) is small


@given(st.text(), st.integers(3, 9))
def test_a_text_is_cut_where_it_is_too_long_and_says_so(text: str, most: int) -> None:
    short = cut(text, most=most)
    assert len(short) <= most
    assert short == text if len(text) <= most else short.endswith("...")
