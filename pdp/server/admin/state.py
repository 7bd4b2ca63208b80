"""`/admin/v1/whoami` and `/admin/v1/status`: who asks, and how the decision point is."""

from fastapi import APIRouter
from pydantic import BaseModel

from pdp.audit.ingest import LogWriter
from pdp.revocation.held import HeldRevocations
from pdp.server.admin.authority import AdminAction, Authority, Role
from pdp.server.admin.permission import KnownPerson, StatusReader
from pdp.server.decider import Decider


class Whoami(BaseModel):
    """A person, as they are known here."""

    principal: str
    type: str
    actor: str | None
    roles: list[Role]
    permitted: list[AdminAction]


class Status(BaseModel):
    """How the decision point is; `bundle_error` is why the newest policies are not in force."""

    generation: int
    bundle: str
    bundle_error: str | None
    reload_failures: int
    log_queue: int
    records_committed: int
    record_failures: int
    revocations: int
    in_force: int


def state_routes(decider: Decider, writer: LogWriter, held: HeldRevocations, *, authority: Authority) -> APIRouter:
    """The paths that say how things are."""
    routes = APIRouter()

    @routes.get("/admin/v1/whoami")
    def whoami(person: KnownPerson) -> Whoami:
        """Who asks, with the roles they have here and what these permit."""
        who = person.principal
        permitted = list(authority.permitted(person))
        return Whoami(
            principal=who.id, type=who.type.value, actor=who.actor, roles=list(person.roles), permitted=permitted
        )

    @routes.get("/admin/v1/status")
    def status(_: StatusReader) -> Status:
        """How the decision point is."""
        known = held.current().known
        return Status(
            generation=decider.generation,
            bundle=decider.bundle,
            bundle_error=decider.last_error,
            reload_failures=decider.reload_failures,
            log_queue=writer.depth,
            records_committed=writer.commits.committed,
            record_failures=writer.commits.failures,
            revocations=known.sequence,
            in_force=len(known.revocations),
        )

    return routes
