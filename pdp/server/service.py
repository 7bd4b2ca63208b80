"""A decision point that runs: its application, its log and what goes on beside them."""

from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Protocol, Self

from structlog.typing import FilteringBoundLogger

from pdp.server.background import Background
from pdp.server.exchange import AsgiApp
from pdp.server.interior import Interior


class Service(Protocol):
    """What a listener needs of the thing behind it; entered before it listens, left after the last answer."""

    @property
    def app(self) -> AsgiApp:
        """The application."""
        ...

    @property
    def admin(self) -> AsgiApp | None:
        """The application for administrators, None where there is none."""
        ...

    @property
    def generation(self) -> int:
        """The serial of the active bundle."""
        ...

    async def reload(self) -> None:
        """Look for a new bundle now; a failure is the service's to log, and leaves the active one."""
        ...

    def stop(self) -> None:
        """End answers that have no end of their own; what was asked is answered all the same."""
        ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class PdpService:
    """The service of `app`: starts and closes the log of `interior`, keeps `background` going between.

    `on_stop` ends what streams, `on_close` comes last.
    """

    def __init__(
        self,
        app: AsgiApp,
        interior: Interior,
        *,
        reload: Callable[[], Awaitable[None]],
        log: FilteringBoundLogger,
        admin: AsgiApp | None = None,
        background: Sequence[Callable[[], Awaitable[None]]] = (),
        on_stop: Callable[[], None] = lambda: None,
        on_close: Callable[[], None] = lambda: None,
    ) -> None:
        self.app = app
        self.admin = admin
        self._interior = interior
        self._reload = reload
        self._background = Background(background, log=log)
        self.stop = on_stop
        self._on_close = on_close

    @property
    def generation(self) -> int:
        """The serial of the active bundle."""
        return self._interior.decider.generation

    async def reload(self) -> None:
        """Look for a new bundle now."""
        await self._reload()

    async def __aenter__(self) -> Self:
        """Start what goes on beside the application."""
        self._interior.writer.start()
        await self._interior.own.spool.start()
        self._background.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop it; what waits for the log is committed first, as far as that does not take long."""
        self.stop()
        await self._background.stop()
        await self._interior.own.spool.aclose()
        await self._interior.writer.aclose()
        self._on_close()
