"""`/admin/v1/whoami` and `/admin/v1/status`: who asks, and how the decision point is."""

from fastapi import APIRouter
from pydantic import BaseModel

from pdp.server.admin.authority import AdminAction, Authority, Role
from pdp.server.admin.permission import KnownPerson, StatusReader
from pdp.server.admin.status import Status, status_of
from pdp.server.interior import Interior


class Whoami(BaseModel):
    """A person, as they are known here."""

    principal: str
    type: str
    actor: str | None
    roles: list[Role]
    permitted: list[AdminAction]


def state_routes(interior: Interior, *, authority: Authority) -> APIRouter:
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
        return status_of(interior)

    return routes
