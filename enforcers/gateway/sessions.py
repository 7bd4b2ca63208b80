"""Sessions of the legacy revisions (MCP 2025-11-25, "Session Management"): bounded, idle ones forgotten.

A session carries no authority: every request is identified by its own token. It is bound to whom it
was opened for, so that a stolen id is of no use to anybody else.
"""

from collections import Counter, OrderedDict
from dataclasses import dataclass, replace

from pdp.core.contract.digest import digest
from pdp.core.contract.errors import Refused
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.identity.principal import Principal


@dataclass(frozen=True, slots=True)
class Session:
    """One session: whom it belongs to, and when it was last used."""

    owner: str
    used_at: float


def owner_of(principal: Principal) -> str:
    """Who owns what `principal` opens: the same person through the same agents, whatever the token grants."""
    delegation = principal.delegation.members if principal.delegation is not None else ()
    return digest([principal.type, principal.id, principal.actor, list(delegation)])


class Sessions:
    """All open sessions; times are seconds on one clock, ids come from outside and must be unguessable."""

    def __init__(self, *, max_sessions: int, idle: float) -> None:
        self._max = max_sessions
        self._idle = idle
        self._open: OrderedDict[str, Session] = OrderedDict()

    def __len__(self) -> int:
        return len(self._open)

    def open(self, session_id: str, *, owner: str, now: float) -> None:
        """Open a session; where there are too many, whoever has most loses the one unused for longest."""
        self._forget_idle(now)
        while len(self._open) >= self._max:
            counts = Counter(session.owner for session in self._open.values())
            most = max(counts.values())
            victim = next(key for key, session in self._open.items() if counts[session.owner] == most)
            del self._open[victim]
        self._open[session_id] = Session(owner, now)

    def use(self, session_id: str, *, owner: str, now: float) -> Session:
        """The session, marked as used now.

        Raises:
            Refused: `session_mismatch`; whether it never was, ended or is another's is for the log.

        """
        self._forget_idle(now)
        session = self._open.get(session_id)
        if session is None:
            raise Refused(ReasonCode.SESSION_MISMATCH, "unknown or ended session")
        if session.owner != owner:
            raise Refused(ReasonCode.SESSION_MISMATCH, "the session belongs to another principal")
        self._open[session_id] = replace(session, used_at=now)
        self._open.move_to_end(session_id)
        return session

    def end(self, session_id: str, *, owner: str, now: float) -> None:
        """Forget the session.

        Raises:
            Refused: as `use`.

        """
        self.use(session_id, owner=owner, now=now)
        del self._open[session_id]

    def _forget_idle(self, now: float) -> None:
        while self._open:
            session_id, session = next(iter(self._open.items()))
            if now - session.used_at < self._idle:
                return
            del self._open[session_id]
