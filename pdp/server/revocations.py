"""`GET /v1/revocations`: all that is revoked, for enforcers."""

from pdp.core.contract.errors import Refused
from pdp.revocation.held import HeldRevocations
from pdp.server.access import Caller
from pdp.server.catalogs import known_tags
from pdp.server.exchange import Answer, RefusedExchange, Request, json_answer


class Revocations:
    """Serves the set of revocations."""

    def __init__(self, held: HeldRevocations) -> None:
        self._held = held

    async def whole(self, http: Request, caller: Caller) -> Answer:  # noqa: ARG002 - one form for every path
        """The whole set; the entity tag is the number of its newest change.

        Weak, since what is over may be in it for a while.

        Raises:
            RefusedExchange: 503 where it is not known.

        """
        try:
            known = self._held.current().known
        except Refused as refusal:
            raise RefusedExchange(503, refusal.caller_text) from refusal
        tag = f'"{known.sequence}"'
        headers = ((b"etag", f"W/{tag}".encode()),)
        return Answer(304, headers=headers) if tag in known_tags(http) else json_answer(known, headers=headers)
