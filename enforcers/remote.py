"""A decision point over HTTP: AuthZEN for decisions, our own paths for records and the catalog."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, TypeVar

import aiohttp
import msgspec

from enforcers.pdp_credential import Credential, CredentialError
from pdp.core.catalog.catalog import Catalog
from pdp.core.contract.authzen import (
    CATALOG_PATH,
    EVALUATION_PATH,
    GENERATION_HEADER,
    MAPPING_PATH,
    RECORDS_PATH,
    RESOURCE_SEARCH_PATH,
    CatalogHead,
    EvaluationRequest,
    EvaluationResponse,
    ResourceSearchRequest,
    ResourceSearchResponse,
)
from pdp.core.contract.digest import digest_of
from pdp.core.contract.errors import DecisionError, RecordError, RecordsRefusedError
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.contract.record_terms import DecisionOrigin
from pdp.core.contract.run_head import RECORDS_HEADER, RunHead, heads_text
from pdp.core.identity.mapping import IdentityMapping

_OK: Final = 200
_NO_CONTENT: Final = 204
_NOT_TAKEN: Final = 401
_CONFLICT: Final = 409
_FOR_GOOD: Final = frozenset({400, 403, 413})
_MAX_ANSWER: Final = 64 * 1024 * 1024
_MAX_RECORDS: Final = 250
"""Records in one request, so that each is answered within the time that one question may take."""
_MAX_BATCH: Final = 1024 * 1024
"""Bytes of them, where it is not one that has more."""
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")

T = TypeVar("T")


class _UnreachableError(Exception):
    """No decision point gave a usable answer."""


class _NotTakenError(_UnreachableError):
    """A decision point answered, and did not believe the credential."""


class _RefusedError(_UnreachableError):
    """A decision point answered that it will never take this."""


@dataclass(frozen=True, slots=True)
class _Question:
    """One request, but for who asks; `told` are headers."""

    method: str
    url: str
    body: bytes | None
    told: Mapping[str, str]


class RemoteDecisionPoint:
    """Asks the decision points at `urls` in turn, each within `timeout` seconds; `credential` proves who asks."""

    def __init__(self, urls: Sequence[str], *, credential: Credential, timeout: float) -> None:
        self._urls = [url.rstrip("/") for url in urls]
        self._credential = credential
        self._timeout = aiohttp.ClientTimeout(total=timeout)
        self._held: aiohttp.ClientSession | None = None

    async def decide(self, request: EvaluationRequest) -> tuple[EvaluationResponse, DecisionOrigin]:
        """The decision of the first decision point that answers.

        Raises:
            DecisionError: `pdp_unreachable`.

        """
        response = await self._ask(EVALUATION_PATH, request, EvaluationResponse)
        return response, DecisionOrigin.FRESH

    async def search(self, request: ResourceSearchRequest) -> ResourceSearchResponse:
        """The search's answer of the first decision point that answers.

        Raises:
            DecisionError: `pdp_unreachable`; `bundle_stale`, where its claims mapping is another.

        """
        return await self._ask(RESOURCE_SEARCH_PATH, request, ResourceSearchResponse)

    async def catalog_head(self, *, using: int | None, records: Sequence[RunHead] = ()) -> CatalogHead:
        """The digests of the active catalog and mapping, as the first decision point that answers says.

        That one is told which generation's are in use here, and how far the runs of records are.

        Raises:
            DecisionError: `pdp_unreachable`.

        """
        try:
            told = {} if using is None else {GENERATION_HEADER: str(using)}
            told |= {RECORDS_HEADER: heads_text(records)} if records else {}
            return msgspec.json.decode(await self._send("GET", CATALOG_PATH, None, told), type=CatalogHead)
        except (_UnreachableError, msgspec.MsgspecError) as error:
            raise DecisionError(ReasonCode.PDP_UNREACHABLE, f"no catalog: {error}") from error

    async def catalog(self, name: str) -> Catalog:
        """The catalog whose bytes have the digest `name`.

        Raises:
            DecisionError: `pdp_unreachable`, or `bundle_untrusted` for bytes that have another digest.

        """
        return await self._content(CATALOG_PATH, name, Catalog.from_json)

    async def mapping(self, name: str) -> IdentityMapping:
        """The claims mapping whose bytes have the digest `name`.

        Raises:
            DecisionError: as `catalog`.

        """
        return await self._content(MAPPING_PATH, name, IdentityMapping.from_json)

    async def deliver(self, contents: Sequence[bytes], *, heads: Sequence[RunHead]) -> None:
        """Return once decision points have committed all of `contents`.

        Raises:
            RecordsRefusedError: every decision point refuses one of them.
            RecordError: none has taken some of them.

        """
        told = {RECORDS_HEADER: heads_text(heads)} if heads else {}
        try:
            for batch in _batches(contents):
                await self._send("POST", RECORDS_PATH, b"[" + b",".join(batch) + b"]", told)
        except _RefusedError as error:
            raise RecordsRefusedError(f"every decision point refuses a record: {error}") from error
        except _UnreachableError as error:
            raise RecordError(f"no decision point took the records: {error}") from error
        except DecisionError as error:
            raise RecordError(f"no decision point took the records: {error.detail}") from error

    async def aclose(self) -> None:
        """Close the connections."""
        if self._held is not None:
            await self._held.close()

    async def _content(self, path: str, name: str, read: Callable[[bytes], T]) -> T:
        what = path.rpartition("/")[2]
        if not _DIGEST.fullmatch(name):
            raise DecisionError(ReasonCode.BUNDLE_UNTRUSTED, f"the decision point names no digest of a {what}")
        try:
            content = await self._send("GET", f"{path}/{name}", None)
        except _UnreachableError as error:
            raise DecisionError(ReasonCode.PDP_UNREACHABLE, f"no {what}: {error}") from error
        if digest_of(content) != name:
            raise DecisionError(ReasonCode.BUNDLE_UNTRUSTED, f"the {what} does not have the digest it was asked for by")
        try:
            return read(content)
        except msgspec.MsgspecError as error:
            raise DecisionError(ReasonCode.BUNDLE_UNTRUSTED, f"the {what} cannot be read: {error}") from error

    async def _ask(self, path: str, request: msgspec.Struct, kind: type[T]) -> T:
        try:
            return msgspec.json.decode(await self._send("POST", path, msgspec.json.encode(request)), type=kind)
        except (_UnreachableError, msgspec.MsgspecError) as error:
            raise DecisionError(ReasonCode.PDP_UNREACHABLE, f"no decision: {error}") from error

    async def _send(
        self, method: str, path: str, body: bytes | None, told: Mapping[str, str] = MappingProxyType({})
    ) -> bytes:
        failures: list[str] = []
        is_refused = True
        try:
            token = await self._credential.token()
        except CredentialError as error:
            raise _UnreachableError(str(error)) from error
        for url in self._urls:
            try:
                return await self._exchange(_Question(method, url + path, body, told), token)
            except (aiohttp.ClientError, TimeoutError, OSError, CredentialError, _UnreachableError) as error:
                failures.append(f"{url}: {type(error).__name__} {error}".strip())
                is_refused = is_refused and isinstance(error, _RefusedError)
        # One of another version may take what the others refuse.
        raise (_RefusedError if is_refused else _UnreachableError)("; ".join(failures))

    async def _exchange(self, question: _Question, token: str) -> bytes:
        """The answer to `token`, or to another one where it is not taken."""
        try:
            return await self._ask_once(question, token)
        except _NotTakenError:
            other = await self._credential.renewed(token)
            if other is None:
                raise
            return await self._ask_once(question, other)

    async def _ask_once(self, question: _Question, token: str) -> bytes:
        headers = {**question.told, "Authorization": f"Bearer {token}"}
        request = self._session().request(
            question.method, question.url, data=question.body, headers=headers, allow_redirects=False
        )
        async with request as answer:
            if answer.status == _NOT_TAKEN:
                raise _NotTakenError("the credential is not taken")
            if answer.status == _CONFLICT:
                raise DecisionError(ReasonCode.BUNDLE_STALE, "the decision point has another claims mapping")
            if answer.status in _FOR_GOOD:
                raise _RefusedError(f"HTTP status {answer.status}")
            if answer.status not in {_OK, _NO_CONTENT}:
                raise _UnreachableError(f"HTTP status {answer.status}")
            return await _bounded(answer)

    def _session(self) -> aiohttp.ClientSession:
        if self._held is None:
            connector: Any = aiohttp.TCPConnector(limit=0)
            self._held = aiohttp.ClientSession(
                connector=connector,
                headers={"Content-Type": "application/json"},
                timeout=self._timeout,
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._held


async def _bounded(answer: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for piece in answer.content.iter_any():
        body += piece
        if len(body) > _MAX_ANSWER:
            raise _UnreachableError(f"an answer over {_MAX_ANSWER} bytes")
    return bytes(body)


def _batches(contents: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    begin, size = 0, 0
    for at, content in enumerate(contents):
        size += len(content) + 1
        if at > begin and (at - begin >= _MAX_RECORDS or size >= _MAX_BATCH):
            yield contents[begin:at]
            begin, size = at, len(content) + 1
    if contents:
        yield contents[begin:]
