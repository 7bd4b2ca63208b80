import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from pdp.hosting.event_log import configure_event_log


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    server = logging.getLogger("uvicorn.error")
    before = server.handlers, server.propagate
    yield io.StringIO()
    server.handlers, server.propagate = before
    structlog.reset_defaults()


def test_an_event_is_one_line_of_json(stream: io.StringIO) -> None:
    log = configure_event_log(stream)
    log.info("bundle_activated", generation=7, text="a\nb\x1b[2J")
    log.debug("not_this")
    (line,) = stream.getvalue().splitlines()
    event = json.loads(line)
    assert event.pop("time").endswith("Z")
    assert event == {"event": "bundle_activated", "level": "info", "generation": 7, "text": "a\nb\x1b[2J"}


def test_an_exception_is_its_type_and_place_and_no_value(stream: io.StringIO) -> None:
    log = configure_event_log(stream)
    secret = "hunter2"
    try:
        raise ValueError(secret)
    except ValueError:
        log.exception("failed")
    event = json.loads(stream.getvalue())
    assert event["error"] == "ValueError"
    assert event["at"][-1].endswith("test_an_exception_is_its_type_and_place_and_no_value")
    assert secret not in stream.getvalue()


def test_what_the_http_server_says_is_an_event(stream: io.StringIO) -> None:
    configure_event_log(stream)
    logging.getLogger("uvicorn.error").warning("Invalid HTTP request received.")
    logging.getLogger("uvicorn.error").info("Started")
    event = json.loads(stream.getvalue())
    assert (event["event"], event["message"]) == ("http_server", "Invalid HTTP request received.")


def test_a_log_that_nobody_reads_any_more_stops_nothing(stream: io.StringIO) -> None:
    log = configure_event_log(stream)
    stream.close()
    log.warning("upstream_down")
    assert stream.closed
