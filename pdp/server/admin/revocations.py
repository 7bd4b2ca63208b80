"""`/admin/v1/revocations`: revoke, lift, and see what is revoked."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from pdp.core.catalog.catalog import Catalog
from pdp.core.contract.clock import Clock
from pdp.core.contract.errors import Refused, ToolgateError
from pdp.core.contract.revocation import MAX_ID, MAX_REASON, Revocation, RevocationKind
from pdp.core.settings.section import Seconds
from pdp.revocation.doubt import doubt_about
from pdp.revocation.held import HeldRevocations
from pdp.revocation.store import Order, RevocationStore
from pdp.server.admin.permission import RevocationsReader, RevocationsWriter, access_of
from pdp.server.decider import Decider


class NotRevokedError(ToolgateError):
    """There is nothing to lift."""


class OrderBody(BaseModel):
    """Something to revoke, `for` a duration such as `24h`, or until it is lifted."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    kind: Annotated[RevocationKind, Field(strict=False)]
    id: str = Field(max_length=MAX_ID)
    reason: str = Field(default="", max_length=MAX_REASON)
    duration: Seconds | None = Field(default=None, alias="for")


class RevocationView(BaseModel):
    """A revocation in force."""

    sequence: int
    kind: RevocationKind
    id: str
    reason: str
    by: str
    at: str
    until: str | None


class Made(BaseModel):
    """What is in force now; `warning` says what may be wrong with it."""

    revocation: RevocationView
    warning: str | None


class Held(BaseModel):
    """All that is in force after the change number `sequence`."""

    sequence: int
    revocations: list[RevocationView]


class Lifted(BaseModel):
    """The number of the change that lifted a revocation."""

    sequence: int


def revocation_routes(store: RevocationStore, held: HeldRevocations, *, decider: Decider, clock: Clock) -> APIRouter:
    """The paths for revocations; their functions block, so each runs in a thread."""
    routes = APIRouter()

    @routes.get("/admin/v1/revocations")
    def find(_: RevocationsReader) -> Held:
        """All that is in force."""
        known, now = store.read(), clock.wall()
        return Held(sequence=known.sequence, revocations=[_view(one) for one in known.revocations if now < one.ends_at])

    @routes.post("/admin/v1/revocations", status_code=201)
    def revoke(order: OrderBody, person: RevocationsWriter, request: Request) -> Made:
        """Revoke; what is revoked already never ends sooner by it."""
        now = clock.wall()
        until = None if order.duration is None else now + order.duration
        wanted = Order(order.kind, order.id, order.reason, until)
        made = store.revoke(wanted, by=person.principal.id, now=now)
        held.refresh()
        access_of(request).facts |= {"kind": made.kind, "id": made.id, "revocation": made.sequence}
        return Made(revocation=_view(made), warning=_warning(decider, made))

    @routes.delete("/admin/v1/revocations")
    def lift(
        person: RevocationsWriter,
        request: Request,
        kind: Annotated[RevocationKind, Query()],
        identifier: Annotated[str, Query(alias="id", max_length=MAX_ID)],
        reason: Annotated[str, Query(max_length=MAX_REASON)] = "",
    ) -> Lifted:
        """End a revocation."""
        sequence = store.lift(kind, identifier, by=person.principal.id, reason=reason, now=clock.wall())
        if sequence is None:
            raise NotRevokedError("nothing of that name is revoked")
        held.refresh()
        access_of(request).facts |= {"kind": kind, "id": identifier, "revocation": sequence}
        return Lifted(sequence=sequence)

    return routes


def _view(revocation: Revocation) -> RevocationView:
    return RevocationView.model_validate(msgspec.to_builtins(revocation))


def _warning(decider: Decider, made: Revocation) -> str | None:
    try:
        return doubt_about(made.kind, made.id, catalog=Catalog.from_json(decider.catalog_json()))
    except (Refused, msgspec.MsgspecError):
        return None
