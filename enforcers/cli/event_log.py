"""An enforcer's own log: one JSON object a line on standard error."""

import logging
import sys
import traceback
from typing import Final

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, WrappedLogger

_HTTP_SERVER: Final = "uvicorn.error"


def configure_event_log() -> FilteringBoundLogger:
    """Send every event of this process to standard error; for the one place that starts a process."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
            _without_values,
            structlog.processors.JSONRenderer(default=str),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    log: FilteringBoundLogger = structlog.get_logger("toolgate")
    server = logging.getLogger(_HTTP_SERVER)
    server.handlers = [_Forward(log)]
    server.propagate = False
    return log


class _Forward(logging.Handler):
    """What the HTTP server itself has to say becomes an event."""

    def __init__(self, log: FilteringBoundLogger) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        """Pass `record` on."""
        self._log.warning("http_server", message=str(record.msg).strip(), exc_info=record.exc_info)


def _without_values(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """An exception becomes its type and place: its text may quote arguments."""
    error = event.pop("exc_info", None)
    if error is True:
        error = sys.exc_info()[1]
    if isinstance(error, BaseException):
        event["error"] = type(error).__name__
        event["at"] = [f"{at.filename}:{at.lineno} {at.name}" for at in traceback.extract_tb(error.__traceback__)]
    return event
