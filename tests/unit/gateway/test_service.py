"""One dispatch for both eras: what is answered, and that nothing gets past it."""

from dataclasses import dataclass, field
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from enforcers.caller import Caller, Identified, Transport
from enforcers.gateway.answer import Answer, Wording, unreadable
from enforcers.gateway.protocol import Era
from enforcers.gateway.service import Service
from enforcers.verdict import Allowed, Denied, Listed
from pdp.core.contract.errors import MessageError, Refused
from pdp.core.contract.exact_json import JsonLimits
from pdp.core.contract.message import ErrorAnswer, Notification, Request, Result, read
from pdp.core.contract.method import METHODS
from pdp.core.contract.reason_code import CALLER_TEXT, ReasonCode
from pdp.core.identity.claims import VerifiedClaims
from pdp.core.identity.principal import Principal, PrincipalType
from pdp.tokens.presented import bearer

HTTP = Caller(bearer("token"), Transport.STREAMABLE_HTTP)
STDIO = Caller(bearer("token"), Transport.STDIO)
CLAIMS = VerifiedClaims("corp", "https://idp", "alice", 0.0, {})
CALL = Request(1, "tools/call", {"name": "a", "arguments": {}})
PROOF = {"decision_id": "r", "reason_code": "token_missing"}


@dataclass
class ScriptedRules:
    """Answers as told and keeps what was refused."""

    answers: Any = None
    identified: ReasonCode | None = None
    refused: list[ReasonCode] = field(default_factory=list)

    async def identify(self, caller: Caller, *, message: Any) -> Identified | Denied:
        if self.identified is not None:
            return Denied(self.identified, CALLER_TEXT[self.identified], "r")
        return Identified(caller, Principal(PrincipalType.USER, "corp|alice"), CLAIMS)

    async def call(self, request: Request, *, who: Identified) -> Allowed | Denied:
        return self._answer()  # type: ignore[no-any-return]

    async def list_tools(self, request: Request, *, who: Identified) -> Listed | Denied:
        return self._answer()  # type: ignore[no-any-return]

    async def refuse(
        self, error: Refused, *, caller: Caller, who: Identified | None = None, message: Any = None
    ) -> Denied:
        self.refused.append(error.code)
        return Denied(error.code, error.caller_text, "r")

    def _answer(self) -> Any:
        if isinstance(self.answers, Exception):
            raise self.answers
        return self.answers


def service(rules: ScriptedRules) -> Service:
    return Service(rules, wording=Wording({"name": "toolgate", "version": "0"}, -32005), log=structlog.get_logger())


async def answer(rules: ScriptedRules, request: Request, *, era: Era = Era.MODERN, caller: Caller = HTTP) -> Answer:
    return await service(rules).answer(request, era=era, caller=caller)


def test_every_method_of_the_table_is_answered_and_no_other() -> None:
    assert service(ScriptedRules()).methods() == frozenset(METHODS)


@pytest.mark.parametrize("era", list(Era))
@pytest.mark.parametrize("method", ["resources/read", "tools/call/", "", "notifications/initialized"])
async def test_a_method_outside_the_table_is_refused(method: str, era: Era) -> None:
    rules = ScriptedRules()
    found = await answer(rules, Request(1, method), era=era)
    assert isinstance(found.message, ErrorAnswer)
    assert (found.message.code, rules.refused) == (-32601, [ReasonCode.METHOD_UNKNOWN])


@pytest.mark.parametrize(
    ("method", "era"), [("initialize", Era.MODERN), ("ping", Era.MODERN), ("server/discover", Era.LEGACY)]
)
async def test_a_method_of_the_other_era_is_refused(method: str, era: Era) -> None:
    assert (await answer(ScriptedRules(), Request(1, method), era=era)).denied is ReasonCode.METHOD_UNKNOWN


async def test_whatever_fails_becomes_a_recorded_denial_with_constant_text() -> None:
    rules = ScriptedRules(answers=ZeroDivisionError("secret detail"))
    with capture_logs() as logs:
        found = await answer(rules, CALL)
    assert rules.refused == [ReasonCode.INTERNAL_ERROR]
    assert isinstance(found.message, Result)
    assert found.message.result["content"][0]["text"] == CALLER_TEXT[ReasonCode.INTERNAL_ERROR]
    assert "secret" not in str(found)
    assert [log["event"] for log in logs] == ["request_failed"]


@pytest.mark.parametrize("code", [c for c in ReasonCode if c is not ReasonCode.ALLOWED])
@pytest.mark.parametrize("caller", [HTTP, STDIO])
async def test_every_denied_call_says_why_and_where_it_is_recorded(code: ReasonCode, caller: Caller) -> None:
    found = await answer(ScriptedRules(answers=Denied(code, "two\nlines", "r")), CALL, caller=caller)
    assert found.denied is code
    proof: Any = None
    match found.message:
        case Result(result=result):
            proof = result["_meta"]["toolgate"]
            assert (result["isError"], result["content"][0]["text"]) == (True, "two lines")
        case ErrorAnswer(message=text, data=proof):
            assert text == "two lines"
    assert proof == {"decision_id": "r", "reason_code": code.value}


@pytest.mark.parametrize("era", list(Era))
async def test_a_denied_list_is_an_error_with_the_configured_code(era: Era) -> None:
    denied = Denied(ReasonCode.NO_POLICY_ALLOWS, "no", "r")
    found = await answer(ScriptedRules(answers=denied), Request(1, "tools/list"), era=era)
    assert found.message == ErrorAnswer(1, -32005, "no", {"decision_id": "r", "reason_code": "no_policy_allows"})


async def test_a_missing_token_is_an_error_over_http_and_a_result_over_stdio() -> None:
    rules = ScriptedRules(identified=ReasonCode.TOKEN_MISSING)
    over_http = await answer(rules, CALL, caller=HTTP)
    over_stdio = await answer(rules, CALL, caller=STDIO)
    assert over_http.message == ErrorAnswer(1, -32005, "a bearer token is required", PROOF)
    assert isinstance(over_stdio.message, Result)
    assert over_stdio.message.result["isError"] is True


@pytest.mark.parametrize(
    "code",
    [
        ReasonCode.TOKEN_EXPIRED,
        ReasonCode.PROOF_INVALID,
        ReasonCode.ISSUER_UNAVAILABLE,
        ReasonCode.IDENTITY_UNMAPPED,
        ReasonCode.SCOPE_MISSING,
        ReasonCode.LIMIT_EXCEEDED,
    ],
)
async def test_what_http_has_a_status_for_is_a_result_over_stdio(code: ReasonCode) -> None:
    rules = ScriptedRules(answers=Denied(code, "no", "r", scopes=("a",), nonce="n"))
    over_http = await answer(rules, CALL, caller=HTTP)
    over_stdio = await answer(rules, CALL, caller=STDIO)
    assert isinstance(over_http.message, ErrorAnswer)
    assert isinstance(over_stdio.message, Result)
    assert (over_http.scopes, over_http.nonce) == (("a",), "n")
    assert over_stdio.message.result["_meta"]["toolgate"] == {"decision_id": "r", "reason_code": code.value}


async def test_open_methods_ask_for_no_token_over_stdio() -> None:
    rules = ScriptedRules(identified=ReasonCode.TOKEN_MISSING)
    for method, era in (("server/discover", Era.MODERN), ("ping", Era.LEGACY)):
        assert (await answer(rules, Request(1, method), era=era, caller=STDIO)).denied is None


async def test_a_result_loses_what_a_server_says_in_our_name_and_the_legacy_era_its_type() -> None:
    result = {
        "content": [],
        "resultType": "complete",
        "_meta": {"toolgate": {"decision_id": "forged"}, "io.modelcontextprotocol/serverInfo": {"name": "x"}},
    }
    rules = ScriptedRules(answers=Allowed(result, "r"))
    legacy = await answer(rules, CALL, era=Era.LEGACY)
    modern = await answer(rules, CALL)
    assert legacy.message == Result(1, {"content": []})
    assert modern.message == Result(
        1,
        {
            "content": [],
            "resultType": "complete",
            "_meta": {"io.modelcontextprotocol/serverInfo": {"name": "toolgate", "version": "0"}},
        },
    )


async def test_a_refused_notification_has_an_answer_without_an_id() -> None:
    found = await service(ScriptedRules()).refuse(
        Refused(ReasonCode.SESSION_MISMATCH, "x"), caller=HTTP, era=Era.LEGACY, message=Notification("n")
    )
    assert isinstance(found.message, ErrorAnswer)
    assert found.message.id is None


async def test_initialize_without_a_version_is_malformed() -> None:
    found = await answer(ScriptedRules(), Request(1, "initialize"), era=Era.LEGACY)
    assert isinstance(found.message, ErrorAnswer)
    assert found.message.code == -32602


@pytest.mark.parametrize(
    ("raw", "code", "request_id"),
    [
        (b"{", -32700, None),
        (b"[]", -32600, None),
        (b'{"jsonrpc":"1.0","id":"x","method":"a"}', -32600, "x"),
        (b" " * 99, -32600, None),
    ],
)
def test_unreadable_bytes_are_told_apart_as_json_rpc_wants(raw: bytes, code: int, request_id: Any) -> None:
    limits = JsonLimits(max_bytes=64)
    with pytest.raises(MessageError) as caught:
        read(raw, limits=limits)
    wire = unreadable(caught.value, raw=raw, limits=limits)
    assert (wire.code, wire.request_id) == (code, request_id)
