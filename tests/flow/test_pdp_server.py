"""The decision point as a process, asked over real sockets."""

import asyncio
import json
import signal
import socket
import sqlite3
import stat
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import httpx
import msgspec
import pytest

from pdp.audit.query import Query
from pdp.audit.sqlite import SqliteReader
from pdp.core.contract.record import DecisionRecord
from tests.flow.pdp_process import DEADLINE, POLICY, QUESTION, Pdp, running, set_up, toolgate
from tests.unit.audit.sample import decision, outcome

EVALUATION = "/access/v1/evaluation"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Iterator[Pdp]:
    """One process for the tests that leave it as it is."""
    base = tmp_path_factory.mktemp("pdp")
    set_up(base, root=root)
    with running(base) as pdp:
        yield pdp


@pytest.fixture
def client(shared: Pdp) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=shared.address, timeout=DEADLINE) as opened:
        yield opened


def logged(base: Path, query: Query | None = None) -> list[DecisionRecord]:
    with closing(SqliteReader(base / "log.db")) as reader:
        return [entry.decision for entry in reader.find(query or Query(limit=10_000))]


def arrived(base: Path, query: Query | None = None, *, count: int = 1) -> list[DecisionRecord]:
    """What `query` finds, once that is `count` records: they come to the log soon after the answer."""
    deadline = time.monotonic() + DEADLINE
    while len(found := logged(base, query)) < count:
        assert time.monotonic() < deadline, found
        time.sleep(0.02)
    return found


def recorded(base: Path, request_id: str) -> DecisionRecord:
    """The one decision on the request of that id."""
    deadline = time.monotonic() + DEADLINE
    while not (found := [record for record in logged(base) if record.request_id == request_id]):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    (record,) = found
    return record


def exchange(address: str, raw: bytes, *, chunks: int = 1, chunk: bytes = b"") -> bytes:
    """What the server answers to these bytes, until it closes the connection or answers no more."""
    url = urlsplit(address)
    with socket.create_connection((url.hostname, url.port), timeout=DEADLINE) as connection:
        try:
            connection.sendall(raw)
            for _ in range(chunks):
                connection.sendall(chunk)
        except (BrokenPipeError, ConnectionResetError):
            pass  # it has seen enough
        received = b""
        try:
            while data := connection.recv(65_536):
                received += data
        except ConnectionResetError:
            pass
    return received


def test_a_question_is_decided_recorded_and_answered(shared: Pdp, client: httpx.Client) -> None:
    answer = client.post(EVALUATION, json=QUESTION, headers={"x-request-id": "first"})
    assert (answer.status_code, answer.json()["decision"]) == (200, True)
    assert answer.headers["x-request-id"] == "first"
    assert "server" not in answer.headers
    told = answer.json()["context"]["toolgate"]
    assert (told["reason_code"], told["policies"], told["generation"]) == ("allowed", ["alice-reads"], 1)
    record = recorded(shared.base, "first")
    assert (record.decision_id, record.principal, record.client_ip) == (told["decision_id"], "dev|alice", "127.0.0.1")


def test_a_denial_and_an_unknown_tool_are_recorded_too(shared: Pdp, client: httpx.Client) -> None:
    for subject, resource, code in (
        ("dev|bob", "git/git_log", "no_policy_allows"),
        ("dev|alice", "git/git_push", "tool_unknown"),
    ):
        body = QUESTION | {"subject": {"type": "user", "id": subject}, "resource": {"type": "tool", "id": resource}}
        answer = client.post(EVALUATION, json=body, headers={"x-request-id": code}).json()
        assert (answer["decision"], answer["context"]["toolgate"]["reason_code"]) == (False, code)
        assert recorded(shared.base, code).reason_code == code


def test_what_may_be_seen_is_found(client: httpx.Client) -> None:
    for subject, found in (("dev|alice", ["git/git_log"]), ("dev|bob", [])):
        body = QUESTION | {"subject": {"type": "user", "id": subject}, "resource": {"type": "tool"}}
        answer = client.post("/access/v1/search/resource", json=body)
        assert [resource["id"] for resource in answer.json()["results"]] == found


def test_records_and_catalog_need_the_enforcers_key(shared: Pdp, client: httpx.Client) -> None:
    assert client.post("/v1/records", json=[]).status_code == 401
    assert client.get("/v1/catalog").status_code == 401
    brought = [decision(1), outcome(2)]
    answer = client.post("/v1/records", content=msgspec.json.encode(brought), headers=json_type(shared.key()))
    assert answer.json() == {"committed": 2}
    assert decision(1) in logged(shared.base)
    assert (
        client.post(
            "/v1/records", content=msgspec.json.encode(brought), headers=json_type(shared.key("other"))
        ).status_code
        == 403
    )
    catalog = client.get("/v1/catalog", headers=shared.key())
    content = client.get(f"/v1/catalog/{catalog.json()['digest']}", headers=shared.key())
    assert [tool["name"] for tool in content.json()["tools"]] == ["git_log"]
    tag = {"if-none-match": catalog.headers["etag"]}
    assert client.get("/v1/catalog", headers=shared.key() | tag).status_code == 304


def json_type(headers: dict[str, str]) -> dict[str, str]:
    return headers | {"content-type": "application/json"}


def test_key_files_are_made_for_their_owner_alone(shared: Pdp) -> None:
    for path in (".toolgate/gateway.key", "keys/other.key", "log.db"):
        assert stat.S_IMODE((shared.base / path).stat().st_mode) == 0o600


def test_health_readiness_and_metrics_answer(client: httpx.Client) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json()["ready"] is True
    assert "toolgate_generation 1.0" in client.get("/metrics").text


def test_a_page_in_a_browser_gets_nothing(client: httpx.Client) -> None:
    assert client.post(EVALUATION, json=QUESTION, headers={"origin": "http://localhost"}).status_code == 403
    assert client.post(EVALUATION, json=QUESTION, headers={"host": "rebound.example.com"}).status_code == 403
    assert client.post(EVALUATION, json=QUESTION, headers={"x-forwarded-for": "10.0.0.1"}).status_code == 200


def test_a_body_of_10_megabytes_is_refused_without_being_read(shared: Pdp, client: httpx.Client) -> None:
    before = peak_kilobytes(shared)
    for _ in range(5):
        answer = client.post(EVALUATION, content=b" " * 10_000_000, headers=json_type({}))
        assert (answer.status_code, answer.headers["connection"]) == (413, "close")

    def drip() -> Iterator[bytes]:
        for _ in range(160):
            yield b" " * 65_536

    assert client.post(EVALUATION, content=drip(), headers=json_type({})).status_code == 413
    assert peak_kilobytes(shared) - before < 20_000
    assert client.post(EVALUATION, json=QUESTION).status_code == 200


def peak_kilobytes(pdp: Pdp) -> int:
    status = Path(f"/proc/{pdp.process.pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))


def test_a_refusal_before_the_body_leaves_the_connection_clean(shared: Pdp) -> None:
    """What is left of a refused request's body is never read as the next request."""
    smuggled = b"GET /v1/catalog HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"
    head = b"POST /nowhere HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: %d\r\n\r\n" % len(smuggled)
    assert exchange(shared.address, head + smuggled).count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize(
    "head",
    [
        b"GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\nx: " + b"a" * 1_000_000 + b"\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\n" + b"a: b\r\n" * 200_000 + b"\r\n",
        b"GET /" + b"a" * 1_000_000 + b" HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\n" + b"a" * 1_000_000,
    ],
)
def test_huge_headers_end_the_connection(shared: Pdp, client: httpx.Client, head: bytes) -> None:
    answer = exchange(shared.address, head)
    assert answer == b"" or answer.startswith((b"HTTP/1.1 431 ", b"HTTP/1.1 400 "))
    assert client.get("/healthz").status_code == 200


def test_headers_without_end_do_not_fill_the_memory(shared: Pdp) -> None:
    before = peak_kilobytes(shared)
    exchange(shared.address, b"GET /healthz HTTP/1.1\r\nx: ", chunks=1000, chunk=b"a" * 65_536)
    trailers = b"POST /access/v1/evaluation HTTP/1.1\r\nhost: 127.0.0.1\r\ntransfer-encoding: chunked\r\n"
    exchange(
        shared.address, trailers + b"content-type: application/json\r\n\r\n0\r\nx: ", chunks=1000, chunk=b"a" * 65_536
    )
    assert peak_kilobytes(shared) - before < 20_000


@pytest.mark.parametrize(
    "raw",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\r\n\r\n\r\n\r\n junk",
        b"POST / HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /access/v1/evaluation HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n",
        b"POST /access/v1/evaluation HTTP/1.1\r\nhost: 127.0.0.1\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"GET /\xff HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nhost : 127.0.0.1\r\n\r\n",
    ],
)
def test_what_is_no_http_is_told_so(shared: Pdp, client: httpx.Client, raw: bytes) -> None:
    answer = exchange(shared.address, raw)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 400 ")
    assert client.get("/healthz").status_code == 200


async def test_a_thousand_concurrent_questions_leave_a_thousand_records(tmp_path: Path, root: Path) -> None:
    set_up(tmp_path, root=root, mode="durable")
    with running(tmp_path) as pdp:
        connector = aiohttp.TCPConnector(limit=32)
        async with aiohttp.ClientSession(pdp.address, connector=connector) as client:
            told = await asyncio.gather(*(decided(client) for _ in range(1000)))
            records = await asyncio.to_thread(arrived, tmp_path, count=1000)
            statuses = await asyncio.gather(*(brought(client, n, pdp) for n in range(1, 201)))
        assert {decision for decision, _ in told} == {True}
        assert sorted(record.sequence for record in records) == list(range(1, 1001))
        assert {record.decision_id for record in records} == {identifier for _, identifier in told}
        assert set(statuses) == {200}
        assert pdp.stop() == 0
    gateways = [record.sequence for record in logged(tmp_path) if record.writer == "gateway"]
    assert sorted(gateways) == list(range(1, 201))


async def decided(client: aiohttp.ClientSession) -> tuple[bool, str]:
    async with client.post(EVALUATION, json=QUESTION) as answer:
        body = await answer.json()
        return body["decision"], body["context"]["toolgate"]["decision_id"]


async def brought(client: aiohttp.ClientSession, sequence: int, pdp: Pdp) -> int:
    body = msgspec.json.encode(decision(sequence))
    async with client.post("/v1/records", data=body, headers=json_type(pdp.key())) as answer:
        return answer.status


def test_what_was_answered_survives_a_killed_process(tmp_path: Path, root: Path) -> None:
    set_up(tmp_path, root=root)
    with running(tmp_path) as pdp, httpx.Client(base_url=pdp.address, timeout=DEADLINE) as client:
        told = [client.post(EVALUATION, json=QUESTION).json()["context"]["toolgate"]["decision_id"] for _ in range(50)]
        pdp.process.kill()
        pdp.process.wait(DEADLINE)
    with running(tmp_path) as pdp:
        httpx.post(pdp.address + EVALUATION, json=QUESTION)
        records = arrived(tmp_path, count=51)
    assert [record.decision_id for record in records[:50]] == told
    assert len({record.boot for record in records}) == 2


def test_sigterm_answers_what_was_asked_and_ends_well(tmp_path: Path, root: Path) -> None:
    set_up(tmp_path, root=root)
    with running(tmp_path) as pdp, closing(sqlite3.connect(tmp_path / "log.db", isolation_level=None)) as lock:
        url = urlsplit(pdp.address)
        body = json.dumps(QUESTION).encode()
        lock.execute("BEGIN IMMEDIATE")  # holds the answer up
        with socket.create_connection((url.hostname, url.port), timeout=DEADLINE) as connection:
            head = f"POST {EVALUATION} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
            connection.sendall(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
            queued(pdp)
            pdp.process.send_signal(signal.SIGTERM)
            lock.execute("ROLLBACK")
            answer = b"".join(iter(lambda: connection.recv(65_536), b""))
        assert b'"decision":true' in answer
        assert pdp.process.wait(DEADLINE) == 0
        assert pdp.until("pdp_stopped")
    assert len(logged(tmp_path)) == 1


def queued(pdp: Pdp) -> None:
    """Wait until a record waits to be committed."""
    for _ in range(10_000):
        if "toolgate_log_queue 0.0" not in httpx.get(pdp.address + "/metrics").text:
            return
    raise AssertionError("nothing was asked")


def test_sighup_activates_new_policies_and_keeps_old_ones_over_broken_ones(tmp_path: Path, root: Path) -> None:
    set_up(tmp_path, root=root)
    policy = tmp_path / "policies" / "alice.cedar"
    with running(tmp_path) as pdp, httpx.Client(base_url=pdp.address, timeout=DEADLINE) as client:
        policy.write_text(POLICY.replace("permit", "forbid"))
        pdp.seen.clear()
        pdp.process.send_signal(signal.SIGHUP)
        assert pdp.until("bundle_activated")["generation"] == 2
        assert client.post(EVALUATION, json=QUESTION).json()["decision"] is False
        policy.write_text("permit (")
        pdp.process.send_signal(signal.SIGHUP)
        pdp.until("bundle_refused")
        ready = next(ready for _ in range(10_000) if (ready := client.get("/readyz").json())["bundle_error"])
        assert (ready["ready"], ready["generation"]) == (True, 2)
        assert "alice.cedar" in ready["bundle_error"]
        assert client.post(EVALUATION, json=QUESTION).json()["decision"] is False
        assert "toolgate_bundle_reload_failures_total 1.0" in client.get("/metrics").text


def test_while_the_log_is_locked_decisions_go_on_and_are_in_it_later(tmp_path: Path, root: Path) -> None:
    set_up(tmp_path, root=root)
    with running(tmp_path) as pdp, httpx.Client(base_url=pdp.address, timeout=DEADLINE) as client:
        with closing(sqlite3.connect(tmp_path / "log.db", isolation_level=None)) as lock:
            lock.execute("BEGIN IMMEDIATE")
            for _ in range(20):
                assert client.post(EVALUATION, json=QUESTION).json()["decision"] is True
            ready = client.get("/readyz")
            assert (ready.status_code, ready.json()["log_error"], ready.json()["log_waiting"]) == (200, None, 20)
            assert "locked" in ready.json()["log_store_error"]
            lock.execute("ROLLBACK")
        assert len(arrived(tmp_path, count=20)) == 20


def test_a_unix_socket_serves_its_owner_and_group(tmp_path: Path, root: Path) -> None:
    path = tmp_path / "pdp.sock"
    set_up(tmp_path, root=root, listen=f"unix:{path}")
    for _ in range(2):  # the second finds what a killed process left
        with running(tmp_path) as pdp:
            assert pdp.address == f"unix:{path}"
            assert stat.S_IMODE(path.stat().st_mode) == 0o660
            with httpx.Client(transport=httpx.HTTPTransport(uds=str(path)), base_url="http://pdp") as client:
                assert client.post(EVALUATION, json=QUESTION).json()["decision"] is True
            second = toolgate(tmp_path, "serve")
            assert (second.returncode, "in use" in second.stderr) == (2, True)
            pdp.process.kill()
            pdp.process.wait(DEADLINE)
        assert path.exists()
    with running(tmp_path) as pdp:
        assert pdp.stop() == 0
    assert not path.exists()


def test_off_loopback_everything_but_health_needs_a_credential(tmp_path: Path, root: Path) -> None:
    set_up(tmp_path, root=root, listen="0.0.0.0:0")
    config = tmp_path / "toolgate.yaml"
    config.write_text(config.read_text().replace("identity: {unsafe_dev_issuer: {}}\n", ""))
    with running(tmp_path) as pdp:
        port = urlsplit(pdp.address).port
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=DEADLINE) as client:
            assert client.get("/healthz").status_code == 200
            for path in ("/readyz", "/metrics", "/v1/catalog"):
                assert client.get(path).status_code == 401
                assert client.get(path, headers=pdp.key()).status_code == 200
            assert client.post(EVALUATION, json=QUESTION).status_code == 401
            assert client.post(EVALUATION, json=QUESTION, headers=pdp.key()).json()["decision"] is True
    assert logged(tmp_path) == []


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (("identity:", "gateway: {listen: '0.0.0.0:8080'}\nidentity:"), "unsafe_dev_issuer"),
        (('"127.0.0.1:0"', '"nowhere"'), "listen_invalid"),
        (("other: {key", "pdp: {key"), "cannot be an enforcer's name"),
        (("sqlite:///log.db", "sqlite:///policies"), "cannot be opened"),
        (("reload_interval: 1h", "reload_interval: 1h\n  policies: missing/"), "directory_missing"),
    ],
)
def test_what_is_configured_wrongly_does_not_start(
    tmp_path: Path, root: Path, change: tuple[str, str], why: str
) -> None:
    set_up(tmp_path, root=root)
    config = tmp_path / "toolgate.yaml"
    config.write_text(config.read_text().replace(*change))
    ended = toolgate(tmp_path, "serve")
    assert (ended.returncode, why in ended.stderr, "Traceback" in ended.stderr) == (2, True, False), ended.stderr


def test_a_taken_port_is_said(tmp_path: Path, root: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        set_up(tmp_path, root=root, listen=f"127.0.0.1:{taken.getsockname()[1]}")
        ended = toolgate(tmp_path, "serve")
    assert (ended.returncode, "cannot be listened on" in ended.stderr) == (2, True)
