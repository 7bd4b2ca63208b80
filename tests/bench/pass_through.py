"""The gateway's own HTTP app and router with nothing between them: what enforcement is measured against.

It lives here and nowhere else. Usage: pass_through.py CONFIG
"""

import asyncio
import sys
from pathlib import Path
from typing import Final

import structlog
import uvloop

from enforcers.caller import Caller, Identified
from enforcers.clock import system_clock
from enforcers.gateway.answer import Wording
from enforcers.gateway.app import Gateway, configured_servers, http_app, introduction
from enforcers.gateway.link import Freshness
from enforcers.gateway.listen import tcp_address
from enforcers.gateway.naming import Prefixed
from enforcers.gateway.router import Router
from enforcers.gateway.service import Service
from enforcers.verdict import Allowed, Denied, Listed
from pdp.core.contract.errors import Refused
from pdp.core.contract.message import Notification, Request
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.identity.claims import VerifiedClaims
from pdp.core.identity.principal import Principal, PrincipalType, SubjectProperties
from pdp.core.settings.load import read_settings
from pdp.hosting.http_server import HttpServer
from pdp.hosting.sockets import bind, with_real_port

NOBODY: Final = Principal(PrincipalType.USER, "bench|nobody", SubjectProperties())
NO_CLAIMS: Final = VerifiedClaims("bench", "", "nobody", 0.0, {})


class UnsafePassThrough:
    """In place of the chain: believes everybody, checks nothing, decides nothing, records nothing."""

    def __init__(self, router: Router) -> None:
        self._router = router

    async def identify(self, caller: Caller, *, message: Request | Notification | None) -> Identified | Denied:
        """Nobody, whoever it is."""
        return Identified(caller, NOBODY, NO_CLAIMS)

    async def call(self, request: Request, *, who: Identified) -> Allowed | Denied:
        """What the server answers."""
        offer = self._router.offered(request.params["name"])
        if offer is None:
            return Denied(ReasonCode.TOOL_UNKNOWN, "no such tool", "")
        return Allowed(await self._router.forward(offer, request.params["arguments"]), "")

    async def list_tools(self, request: Request, *, who: Identified) -> Listed | Denied:
        """Every tool."""
        return Listed([(name, offer.definition) for name, offer in self._router.all()])

    async def refuse(
        self,
        error: Refused,
        *,
        caller: Caller,
        who: Identified | None = None,
        message: Request | Notification | None = None,
    ) -> Denied:
        """A denial without a record."""
        return Denied(error.code, error.caller_text, "")


async def serve(config: Path) -> None:
    """Serve the configuration until the process ends."""
    settings = read_settings(config, environ={}).settings
    log = structlog.get_logger("bench")
    log.warning("unsafe_pass_through_used")
    servers = configured_servers(settings, base=config.parent, environment={})
    router = Router(servers, naming=Prefixed(), freshness=Freshness(), steady=system_clock().steady, log=log)
    service = Service(UnsafePassThrough(router), wording=Wording(introduction(), -32001), log=log)
    listening = asyncio.Event()
    address = tcp_address(settings.gateway.listen)
    socket = bind(address)
    bound = with_real_port(address, socket=socket)
    app = http_app(Gateway(router, service, router), settings=settings, bound=bound, ready=listening.is_set)
    await router.start()
    await HttpServer(app, bound=socket, on_ready=listening.set).serve()


if __name__ == "__main__":
    uvloop.run(serve(Path(sys.argv[1])))
