"""Revocations: who and what may do nothing any more, whatever the policies say.

Every change of the set, revoking and lifting alike, has the next number of one sequence without a gap.
"""

import math
import re
from collections.abc import Iterable, Iterator
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final, TypeAlias

import msgspec

from pdp.core.contract.authzen import TOOL_TYPE, EvaluationRequest, ResourceSearchRequest
from pdp.core.contract.errors import Refused
from pdp.core.contract.identifier import unix_seconds
from pdp.core.contract.reason_code import ReasonCode

MAX_ID: Final = 1024
MAX_REASON: Final = 500

_AGENT: Final = "agent"
_SESSION: Final = "session"
_SERVER: Final = r"[a-z0-9][a-z0-9-]*"


class RevocationKind(StrEnum):
    """What can be revoked."""

    PRINCIPAL = "principal"
    """A user or an agent, as `alias|name`: all that is asked for on its own behalf."""
    ACTOR = "actor"
    """An agent, as `alias|name`: all that it asks for, alone or for others, and all it hands on."""
    SESSION = "session"
    """One session of an enforcer's."""
    TOOL = "tool"
    """One tool, as `server/tool`."""
    SERVER = "server"
    """All tools of one server."""


_FORMS: Final = MappingProxyType(
    {
        RevocationKind.PRINCIPAL: (re.compile(rf"{_SERVER}\|.+", re.DOTALL), "`alias|name`, as in `corp|alice`"),
        RevocationKind.ACTOR: (re.compile(rf"{_SERVER}\|.+", re.DOTALL), "`alias|name`, as in `corp|build-agent`"),
        RevocationKind.SESSION: (re.compile(r"[!-~]+"), "a session's id: printable ASCII without spaces"),
        RevocationKind.TOOL: (re.compile(rf"{_SERVER}/.+", re.DOTALL), "`server/tool`, as in `git/git_log`"),
        RevocationKind.SERVER: (re.compile(_SERVER), "a server's name, as in `git`"),
    }
)


class Revocation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One revocation, in force until it is lifted or the time `until` (RFC 3339) comes; `by` is who revoked."""

    sequence: int
    kind: RevocationKind
    id: str
    reason: str
    by: str
    at: str
    until: str | None = None

    @property
    def ends_at(self) -> float:
        """When it is over, in Unix seconds; infinity where it stays until it is lifted."""
        return math.inf if self.until is None else unix_seconds(self.until)


class RevocationSet(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All revocations in force after the change number `sequence`, in the order of their numbers."""

    sequence: int = 0
    revocations: tuple[Revocation, ...] = ()


Named: TypeAlias = tuple[RevocationKind, str]


class Revoked:
    """A set of revocations, ready to be held against requests."""

    def __init__(self, known: RevocationSet) -> None:
        self.known = known
        self._until = {(one.kind, one.id): one.ends_at for one in known.revocations}
        self._has_sessions = any(one.kind is RevocationKind.SESSION for one in known.revocations)

    @property
    def sequence(self) -> int:
        """The number of the newest change in it."""
        return self.known.sequence

    @property
    def reads(self) -> tuple[str, ...]:
        """Places of a request, as JSON Pointers, that it reads besides who asks and for which resource."""
        return ("/context/session",) if self._has_sessions else ()

    def check(self, request: EvaluationRequest | ResourceSearchRequest, *, now: float) -> None:
        """Pass a request in which nothing is revoked at Unix time `now`.

        Raises:
            Refused: `revoked`.

        """
        if self._until:
            self._check(named_in(request), now)

    def check_tool(self, tool_id: str, *, now: float) -> None:
        """Pass `server/tool` when neither is revoked.

        Raises:
            Refused: `revoked`.

        """
        self._check(_of_tool(tool_id), now)

    def _check(self, named: Iterable[Named], now: float) -> None:
        for kind, identifier in named:
            until = self._until.get((kind, identifier))
            if until is not None and now < until:
                raise Refused(ReasonCode.REVOKED, f"the {kind} is revoked, as of revocation {self.sequence}")


def named_in(request: EvaluationRequest | ResourceSearchRequest) -> Iterator[Named]:
    """All that `request` names and that can be revoked: who asks, each who acts, the session, tool and server."""
    subject, context = request.subject, request.context
    yield RevocationKind.PRINCIPAL, subject.id
    actors = [context.get("actor"), *_delegates(context.get("delegation"))]
    if subject.type == _AGENT:
        actors.append(subject.id)
    yield from ((RevocationKind.ACTOR, actor) for actor in actors if isinstance(actor, str))
    session = context.get(_SESSION)
    if isinstance(session, str):
        yield RevocationKind.SESSION, session
    if isinstance(request, EvaluationRequest) and request.resource.type == TOOL_TYPE:
        yield from _of_tool(request.resource.id)


def check_name(kind: RevocationKind, identifier: str) -> None:
    """Pass an id that something of that kind can have.

    Raises:
        Refused: `request_invalid`.

    """
    form, written = _FORMS[kind]
    if len(identifier) > MAX_ID:
        raise _invalid(f"an id has at most {MAX_ID} characters")
    if not identifier.isprintable() or identifier != identifier.strip():
        raise _invalid("an id has no control or invisible characters, and no spaces around it")
    if not form.fullmatch(identifier):
        raise _invalid(f"the id of a {kind} is {written}")


def check_reason(reason: str) -> None:
    """Pass one line of text.

    Raises:
        Refused: `request_invalid`.

    """
    if len(reason) > MAX_REASON or not reason.isprintable():
        raise _invalid(f"a reason is one line of at most {MAX_REASON} printable characters")


def _delegates(delegation: Any) -> Iterator[Any]:
    if isinstance(delegation, dict):
        members = delegation.get("members")
        yield from members if isinstance(members, list | tuple) else ()
        yield from (delegation.get("first"), delegation.get("last"))


def _of_tool(tool_id: str) -> Iterator[Named]:
    yield RevocationKind.TOOL, tool_id
    yield RevocationKind.SERVER, tool_id.partition("/")[0]


def _invalid(text: str) -> Refused:
    return Refused(ReasonCode.REQUEST_INVALID, text, caller_text=text)
