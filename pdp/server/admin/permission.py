"""What a path of the administration asks for before it does anything."""

from typing import Annotated, Final, TypeAlias

from fastapi import Depends, Request

from pdp.server.admin.authority import AdminAction, Authority, Person
from pdp.server.admin.guard import ACCESS, AdminAccess
from pdp.server.exchange import RefusedExchange

AUTHORITY: Final = "authority"
"""The attribute of the application's state that holds the `Authority`."""


class Permitted:
    """Lets those who may do `action` to a path, and hands it the person; a parameter's `Depends`."""

    def __init__(self, action: AdminAction) -> None:
        self._action = action

    def __call__(self, request: Request) -> Person:
        """The person who asks.

        Raises:
            NotPermittedError: they may not.

        """
        access = access_of(request)
        access.action = self._action.value
        person = person_of(request)
        authority: Authority = getattr(request.app.state, AUTHORITY)
        authority.check(person, self._action)
        return person


def access_of(request: Request) -> AdminAccess:
    """The exchange that `request` is part of."""
    access: AdminAccess = request.scope[ACCESS]
    return access


def person_of(request: Request) -> Person:
    """The person who asks, whatever they may do.

    Raises:
        RefusedExchange: nobody was let in.

    """
    person = access_of(request).person
    if person is None:
        raise RefusedExchange(401, "nobody was let in")
    return person


KnownPerson: TypeAlias = Annotated[Person, Depends(person_of)]
StatusReader: TypeAlias = Annotated[Person, Depends(Permitted(AdminAction.STATUS_READ))]
RevocationsReader: TypeAlias = Annotated[Person, Depends(Permitted(AdminAction.REVOCATIONS_READ))]
RevocationsWriter: TypeAlias = Annotated[Person, Depends(Permitted(AdminAction.REVOCATIONS_WRITE))]
PoliciesPublisher: TypeAlias = Annotated[Person, Depends(Permitted(AdminAction.POLICIES_PUBLISH))]
