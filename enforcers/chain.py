"""The chain: the one place that decides to forward.

One `tools/call` goes through ten steps: (1) normalise; (2) identify; (3) the tool and its arguments;
(4) decide; (5) obligations on the request; (6) record the decision; (7) forward; (8) obligations and
guards on the result; (9) record the outcome; (10) answer. A failure at any step is a denial with its
own reason code, and is recorded.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, Protocol, TypeAlias

import structlog

from enforcers.account import Account
from enforcers.caller import Caller, Identified
from enforcers.comparison import MAX_NAME, Standing
from enforcers.decision_source import DecisionSource
from enforcers.definitions import Definitions
from enforcers.obligations import Obligations
from enforcers.offer import ErrorResult, Forwarder, Offer
from enforcers.principals import Principals
from enforcers.recorder import Recorder
from enforcers.verdict import Allowed, Denied, Listed
from pdp.core.catalog.arguments import ArgumentChecker
from pdp.core.contract.authzen import TOOL_TYPE, EvaluationResponse, ResourceSearchRequest
from pdp.core.contract.checked_call import CheckedCall, normalise
from pdp.core.contract.clock import Clock
from pdp.core.contract.errors import DecisionError, MessageError, RecordError, Refused, TokenError, UpstreamError
from pdp.core.contract.exact_json import JsonObject
from pdp.core.contract.message import Notification, Request
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.contract.record_terms import Fate
from pdp.core.identity.access import Shown, call_request, list_request
from pdp.core.identity.claims import VerifiedClaims
from pdp.core.text.hidden_text import shown
from pdp.tokens.presented import Presented

Message: TypeAlias = Request | Notification

_COMPLETE: Final = "complete"
_LIST_PARAMS: Final = frozenset({"_meta"})


class Authenticator(Protocol):
    """Verifies credentials."""

    async def authenticate(self, presented: Presented, *, now: float) -> VerifiedClaims:
        """The claims behind `presented` at Unix time `now`.

        Raises:
            TokenError: it is not to be believed.

        """
        ...


class Chain:
    """Takes requests through the steps; its methods return what to answer and never raise a refusal."""

    def __init__(
        self,
        *,
        authenticator: Authenticator,
        principals: Principals,
        definitions: Definitions,
        decisions: DecisionSource,
        recorder: Recorder,
        forwarder: Forwarder,
        clock: Clock,
        shown: Shown = Shown.GRANTED,
    ) -> None:
        self._authenticator = authenticator
        self._principals = principals
        self._definitions = definitions
        self._decisions = decisions
        self._recorder = recorder
        self._forwarder = forwarder
        self._clock = clock
        self._shown = shown
        self._checker = ArgumentChecker()
        self._log = structlog.get_logger("toolgate.chain")

    async def identify(self, caller: Caller, *, message: Message | None) -> Identified | Denied:
        """Step 2: who calls, by the verified token and the claims mapping alone."""
        account = self._open(caller, message)
        try:
            if caller.credential is None:
                raise TokenError(ReasonCode.TOKEN_MISSING, "no credential")
            claims = await self._authenticator.authenticate(caller.credential, now=self._clock.wall())
            return Identified(caller, await self._principals.of(claims), claims)
        except Refused as refusal:
            return await self._deny(account, refusal)
        except Exception as error:  # noqa: BLE001 - the outermost edge: whatever failed is a deny
            return await self._fail(account, error)

    async def refuse(
        self, error: Refused, *, caller: Caller, who: Identified | None = None, message: Message | None = None
    ) -> Denied:
        """Record a refusal that happened in the host, before the chain was reached."""
        return await self._deny(self._open(caller, message, who=who), error)

    async def call(self, request: Request, *, who: Identified) -> Allowed | Denied:
        """One `tools/call`, all the way."""
        account = self._open(who.caller, request, who=who)  # (2) was done by `identify`
        try:
            call = normalise(request)  # (1)
            offer, arguments = await self._admit(call, account)  # (3)
            await self._decide(offer, arguments, who, account)  # (4)
            self._fulfil(account)  # (5)
            record = await self._recorder.decision(account, ReasonCode.ALLOWED)  # (6)
        except Refused as refusal:
            return await self._deny(account, refusal)
        except Exception as error:  # noqa: BLE001 - the outermost edge: whatever failed is a deny
            return await self._fail(account, error)
        return await self._forward(offer, arguments, record)  # (7) to (10)

    async def list_tools(self, request: Request, *, who: Identified) -> Listed | Denied:
        """One `tools/list`: the live tools that match their pins and of which some call may be allowed."""
        account = self._open(who.caller, request, who=who)
        try:
            unknown = sorted(set(request.params) - _LIST_PARAMS)
            if unknown:
                text = f"`params.{unknown[0][:64]}` is not supported"
                raise MessageError(ReasonCode.MESSAGE_MALFORMED, text, caller_text=text, request_id=request.id)
            shown = await self._visible(who, account)
            account.shown = [offer.id for _, offer in shown]
            await self._recorder.decision(account, ReasonCode.ALLOWED)
        except Refused as refusal:
            return await self._deny(account, refusal)
        except Exception as error:  # noqa: BLE001 - the outermost edge: whatever failed is a deny
            return await self._fail(account, error)
        return Listed([(name, offer.definition) for name, offer in shown])

    def _open(self, caller: Caller, message: Message | None, *, who: Identified | None = None) -> Account:
        request_id = message.id if isinstance(message, Request) else None
        return Account(
            transport=caller.transport.value,
            started=self._clock.steady(),
            method=None if message is None else message.method[:MAX_NAME],
            request_id=None if request_id is None else str(request_id)[:MAX_NAME],
            session=caller.session,
            client_ip=caller.client_ip,
            issuer=None if who is None else who.claims.issuer,
            principal=None if who is None else who.principal,
        )

    async def _admit(self, call: CheckedCall, account: Account) -> tuple[Offer, JsonObject]:
        """The tool is offered as approved, or may be used without, that is on record, and its arguments are valid."""
        account.trace_id = call.trace_id
        known = self._definitions.offered(call.name)
        if known is not None:
            account.server, account.tool = known.server, known.tool
        standing = await self._definitions.find(call.name)
        offer = standing.offer
        account.server, account.tool, account.approved = offer.server, offer.tool, standing.approved
        account.pin = offer.pin
        standing.usable()
        self._definitions.check_recorded(standing)
        self._warn_unpinned(standing)
        tool = standing.checked_as()
        arguments = self._checker.check(tool, call.arguments)
        account.tool_called, account.arguments = tool, arguments
        return offer, arguments

    def _warn_unpinned(self, standing: Standing) -> None:
        """Log every use of a definition that nobody approved."""
        offer = standing.offer
        if offer.pin != standing.approved:
            tool = shown(offer.id, most=MAX_NAME)
            self._log.warning("unsafe_unpinned_used", tool=tool, offered=offer.pin, approved=standing.approved)

    async def _decide(self, offer: Offer, arguments: JsonObject, who: Identified, account: Account) -> None:
        asked = self._clock.steady()
        try:
            response = await self._decided(offer, arguments, who, account)
        finally:
            account.decision_us = self._recorder.since(asked)
        _check_allowed(response)

    async def _decided(
        self, offer: Offer, arguments: JsonObject, who: Identified, account: Account
    ) -> EvaluationResponse:
        response = await self._answer(offer, arguments, who, account)
        if response.context.toolgate.reason_code is ReasonCode.BUNDLE_STALE:
            who = await self._mapped_again(who, account)
            response = await self._answer(offer, arguments, who, account)
        return response

    async def _answer(
        self, offer: Offer, arguments: JsonObject, who: Identified, account: Account
    ) -> EvaluationResponse:
        request = call_request(who.principal, tool=offer.id, pin=offer.pin, arguments=arguments, seen=_seen(who))
        account.response, account.origin = await self._decisions.decide(request)
        return account.response

    def _fulfil(self, account: Account) -> None:
        obligations = account.response.context.toolgate.obligations if account.response else []
        account.obligations = Obligations(obligations)
        account.obligations.fulfil()

    async def _mapped_again(self, who: Identified, account: Account) -> Identified:
        """The decision point has another claims mapping by now, so `who` may be somebody else."""
        account.principal = await self._principals.again(who.claims, stale=who.principal)
        return replace(who, principal=account.principal)

    async def _visible(self, who: Identified, account: Account) -> list[tuple[str, Offer]]:
        usable = await self._definitions.usable()
        offered = {one.offer.id: one.offer.pin for _, one in usable if one.offer.pin != one.approved}
        try:
            found = await self._decisions.search(self._list_request(who, offered))
        except DecisionError as error:
            if error.code is not ReasonCode.BUNDLE_STALE:
                raise
            who = await self._mapped_again(who, account)
            found = await self._decisions.search(self._list_request(who, offered))
        permitted = {resource.id for resource in found.results if resource.type == TOOL_TYPE}
        return [(name, one.offer) for name, one in usable if one.offer.id in permitted]

    def _list_request(self, who: Identified, offered: Mapping[str, str]) -> ResourceSearchRequest:
        return list_request(who.principal, seen=_seen(who), offered=offered, shown=self._shown)

    async def _forward(self, offer: Offer, arguments: JsonObject, record: str) -> Allowed | Denied:
        """Steps 7 to 10; the outcome is recorded whatever happens, cancellation included."""
        started = self._clock.steady()
        try:
            result = await self._forwarder.forward(offer, arguments)  # (7)
            _check_result(result)  # (8)
        except asyncio.CancelledError:
            gone = Refused(ReasonCode.INTERNAL_ERROR, "cancelled")
            await asyncio.shield(self._outcome(record, Fate.FAILED, gone.code, started, failure=gone))
            raise
        except Refused as refusal:
            fate = Fate.FAILED if refusal.code is ReasonCode.UPSTREAM_UNAVAILABLE else Fate.BLOCKED
            self._log.warning("call_failed", record=record, code=refusal.code, detail=refusal.detail)
            return await self._answer_failure(record, fate, refusal, started)
        except Exception as error:  # noqa: BLE001 - the outermost edge: whatever failed is a deny
            self._log.exception("chain_failed", record=record)
            failure = Refused(ReasonCode.INTERNAL_ERROR, type(error).__name__)
            return await self._answer_failure(record, Fate.FAILED, failure, started)
        final = Fate.TOOL_ERROR if result.get("isError") is True else Fate.ANSWERED
        withheld = await self._outcome(record, final, ReasonCode.ALLOWED, started, result=result)  # (9)
        return Allowed(result, record) if withheld is None else withheld  # (10)

    async def _answer_failure(self, record: str, fate: Fate, refusal: Refused, started: float) -> Denied:
        lost = await self._outcome(record, fate, refusal.code, started, failure=refusal)
        return lost or Denied(refusal.code, refusal.caller_text, record)

    async def _outcome(
        self,
        record: str,
        fate: Fate,
        code: ReasonCode,
        started: float,
        *,
        result: Any = None,
        failure: Refused | None = None,
    ) -> Denied | None:
        """Record the outcome; a record that cannot be committed withholds the answer."""
        upstream = failure if isinstance(failure, UpstreamError) else None
        answered = result.code if isinstance(result, ErrorResult) else None
        try:
            await self._recorder.outcome(
                record,
                fate=fate,
                code=code,
                started=started,
                result=result,
                detail=None if failure is None else failure.detail,
                upstream_error=answered if upstream is None else upstream.error,
                upstream_failure=None if upstream is None else upstream.failure,
            )
        except RecordError as error:
            self._log.warning("record_lost", record=record, detail=error.detail)
            return Denied(error.code, error.caller_text, record)
        return None

    async def _deny(self, account: Account, refusal: Refused) -> Denied:
        account.detail = refusal.detail
        self._log.info("denied", code=refusal.code, method=account.method, tool=account.tool, detail=refusal.detail)
        try:
            record = await self._recorder.decision(account, refusal.code)
        except RecordError as error:
            self._log.warning("record_lost", code=refusal.code, detail=error.detail)
            return Denied(ReasonCode.LOG_UNAVAILABLE, error.caller_text, "")
        scopes = account.response.context.toolgate.scopes if account.response is not None else []
        nonce = refusal.nonce if isinstance(refusal, TokenError) else None
        return Denied(refusal.code, refusal.caller_text, record, tuple(scopes), nonce)

    async def _fail(self, account: Account, error: Exception) -> Denied:
        self._log.exception("chain_failed", method=account.method)
        return await self._deny(account, Refused(ReasonCode.INTERNAL_ERROR, type(error).__name__))


def _seen(who: Identified) -> dict[str, str | None]:
    caller = who.caller
    return {"transport": caller.transport.value, "session": caller.session, "ip": caller.client_ip}


def _check_allowed(response: EvaluationResponse) -> None:
    """Pass only an explicit allow whose two statements of it agree."""
    answer = response.context.toolgate
    if response.decision is not (answer.reason_code is ReasonCode.ALLOWED):
        raise DecisionError(ReasonCode.INTERNAL_ERROR, "the decision contradicts its reason code")
    if not response.decision:
        detail = answer.detail or f"decided so by {len(answer.policies)} policies"
        raise Refused(answer.reason_code, detail, caller_text=answer.caller_text)


def _check_result(result: JsonObject) -> None:
    """Pass a complete result; one that asks for more input would need decisions of its own."""
    kind = result.get("resultType", _COMPLETE)
    if kind != _COMPLETE:
        raise Refused(ReasonCode.METHOD_UNKNOWN, "the server asks for input, which is not supported")
