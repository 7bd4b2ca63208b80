"""Keeps each enforcer to the servers it stands before."""

from collections.abc import Iterable

import msgspec
from structlog.typing import FilteringBoundLogger

from pdp.core.contract.authzen import ResourceSearchResponse
from pdp.core.contract.record import DecisionRecord, DriftRecord, EnforcerRecord, OutcomeRecord
from pdp.server.access import Anonymous, Caller
from pdp.server.enforcers import KnownEnforcer
from pdp.server.exchange import RefusedExchange
from pdp.server.metrics import Metrics

_MOST_SHOWN = 64


class Fence:
    """Refuses what is beyond a caller's servers, and counts it; callers without a credential have no servers of own."""

    def __init__(self, *, metrics: Metrics, log: FilteringBoundLogger) -> None:
        self._metrics = metrics
        self._log = log

    def check_resource(self, caller: Caller, resource_id: str) -> None:
        """Pass `server/name` of a server that `caller` stands before.

        Raises:
            RefusedExchange: 403.

        """
        if isinstance(caller, KnownEnforcer):
            self._check(caller, [_server(resource_id)], asked="evaluation")

    def check_records(self, caller: KnownEnforcer, records: Iterable[EnforcerRecord]) -> None:
        """Pass records about servers that `caller` stands before, or about none.

        Raises:
            RefusedExchange: 403.

        """
        self._check(caller, {server for record in records for server in _servers(record)}, asked="record")

    def within(self, caller: Caller, found: ResourceSearchResponse) -> ResourceSearchResponse:
        """The part of `found` that is of servers that `caller` stands before."""
        if isinstance(caller, Anonymous):
            return found
        kept = [one for one in found.results if not caller.beyond([_server(one.id)])]
        return msgspec.structs.replace(found, results=kept)

    def _check(self, caller: KnownEnforcer, servers: Iterable[str], *, asked: str) -> None:
        beyond = caller.beyond(servers)
        if beyond:
            self._metrics.fenced(caller.name)
            self._log.warning("enforcer_fenced", enforcer=caller.name, asked=asked, server=beyond[0][:_MOST_SHOWN])
            raise RefusedExchange(403, "this enforcer does not stand before that server")


def _server(resource_id: str) -> str:
    return resource_id.partition("/")[0]


def _servers(record: EnforcerRecord) -> Iterable[str]:
    match record:
        case DecisionRecord():
            shown = map(_server, record.shown or ())
            return shown if record.server is None else [record.server, *shown]
        case DriftRecord():
            return [record.server]
        case OutcomeRecord():
            return ()
