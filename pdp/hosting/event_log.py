"""A process's own log: one JSON object a line, an event's name and its facts."""

import logging
import os
import sys
import traceback
from typing import Any, Final, TextIO

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, WrappedLogger

_HTTP_SERVER: Final = "uvicorn.error"


def configure_event_log(stream: TextIO) -> FilteringBoundLogger:
    """Send every event of this process to `stream`; for the one place that starts a process."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
            _without_values,
            structlog.processors.JSONRenderer(default=str),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=lambda *_: _Writer(stream),
        cache_logger_on_first_use=True,
    )
    log: FilteringBoundLogger = structlog.get_logger()
    server = logging.getLogger(_HTTP_SERVER)
    server.handlers = [_Forward(log)]
    server.propagate = False
    return log


def frames(error: BaseException) -> list[str]:
    """Where `error` came from; not its text, which may quote what was asked."""
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)]


def _without_values(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:  # noqa: ARG001
    """An exception as its type and place: its text, or the values of variables, may hold arguments."""
    error: Any = event.pop("exc_info", None)
    if isinstance(error, tuple):
        error = error[1]
    elif error is True:
        error = sys.exc_info()[1]
    if isinstance(error, BaseException):
        event.update(error=type(error).__name__, at=frames(error))
    return event


class _Writer:
    """Writes events to a stream; when nobody reads it any more, a process goes on, and ends, without its log."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def msg(self, event: str) -> None:
        """Write one event."""
        try:
            self._stream.write(event + "\n")
            self._stream.flush()
        except BrokenPipeError:
            # What is still buffered would fail once more when Python ends.
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)
        except (OSError, ValueError):
            return

    log = debug = info = warning = error = critical = exception = msg


class _Forward(logging.Handler):
    """What the HTTP server says of requests it could not even parse."""

    def __init__(self, log: FilteringBoundLogger) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        """Pass `record` on as an event."""
        error = record.exc_info[1] if record.exc_info else None
        self._log.warning("http_server", message=str(record.msg).strip(), exc_info=error)
