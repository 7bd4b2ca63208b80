import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from pdp.core.contract.digest import digest_of
from pdp.core.contract.errors import DecisionError
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.contract.revocation import RevocationKind
from pdp.lifecycle.standing import Standing, Trouble
from pdp.revocation.store import RevocationsUnavailableError
from pdp.server.app import ServerBounds
from pdp.server.feed import FeedRules
from tests.unit.server.hosting import BUNDLE, KEY, Host, bearer, hosting
from tests.unit.server.listening import Event, events_in, listening

NEVER = 3600.0
OFTEN = 0.001
CATALOG, MAPPING = digest_of(b'{"tools":[]}'), digest_of(b'{"issuers":{}}')
PATH = "/v1/events"


def rules(heartbeat: float = NEVER, most: int = 2000) -> ServerBounds:
    return ServerBounds(feed=FeedRules(heartbeat, most))


@pytest.fixture
async def host() -> AsyncIterator[Host]:
    """Heartbeats are but those that greet."""
    async with hosting(bounds=rules()) as opened:
        yield opened


def generation(number: int, digest: str, event_id: str) -> Event:
    data = {"generation": number, "bundle": digest, "catalog": CATALOG, "mapping": MAPPING}
    return Event("generation", event_id, data)


async def test_who_begins_to_listen_gets_all_that_is_in_force(host: Host) -> None:
    host.revoke(RevocationKind.SERVER, "git")
    async with listening(host.app) as stream:
        assert (stream.status, stream.headers["content-type"]) == (200, "text/event-stream")
        assert stream.headers["cache-control"] == "no-store"
        first = await stream.piece()
        assert first is not None
        assert first.startswith(b"retry: 1000\n\n")
        told = events_in(first)
        beat = told.pop()
        assert told == [generation(7, BUNDLE, "7-"), Event("revocations", "7-1", {"sequence": 1})]
        assert (beat.kind, beat.id) == ("heartbeat", "7-1")
        assert beat.data.pop("revocations_age_ms") >= 0
        assert beat.data == {"generation": 7, "revocations": 1, "source_age_ms": 250, "trouble": None}


async def test_another_generation_and_a_revocation_are_told_when_they_happen(host: Host) -> None:
    async with listening(host.app) as stream:
        await stream.event("heartbeat")
        host.activate(8)
        assert await stream.event() == generation(8, host.decider.bundle, "8-0")
        host.revoke(RevocationKind.SERVER, "git")
        assert await stream.event() == Event("revocations", "8-1", {"sequence": 1})


async def test_the_same_content_under_another_serial_is_another_generation(host: Host) -> None:
    async with listening(host.app) as stream:
        await stream.event("heartbeat")
        host.decider.generation = 9
        host.bundles.refresh()
        assert await stream.event() == generation(9, BUNDLE, "9-0")
        assert (await host.client.get("/v1/catalog", headers=bearer(KEY))).json()["generation"] == 9


async def test_what_another_thread_activates_is_told_too(host: Host) -> None:
    async with listening(host.app) as stream:
        await stream.event("heartbeat")
        thread = threading.Thread(target=host.activate, args=(8,))
        thread.start()
        assert (await stream.event()).data["generation"] == 8
        thread.join()


async def test_a_look_that_found_nothing_new_is_nothing_to_tell(host: Host) -> None:
    async with listening(host.app) as stream:
        await stream.event("heartbeat")
        host.bundles.refresh()
        host.held.refresh()
        host.activate(8)
        assert (await stream.event()).data["generation"] == 8


@pytest.mark.parametrize(
    ("known", "told"),
    [
        ("7-1", []),
        ("7-0", ["revocations"]),
        ("6-1", ["generation"]),
        ("8-1", ["generation"]),
        ("7-2", ["revocations"]),
        ("7-", ["revocations"]),
        ("-1", ["generation"]),
        ("-", ["generation", "revocations"]),
        ("7", ["generation", "revocations"]),
        ("", ["generation", "revocations"]),
        ("\u0667-\u0661".encode().decode("latin-1"), ["generation", "revocations"]),
        ("7-1 ", ["generation", "revocations"]),
        ("+7-+1", ["generation", "revocations"]),
        ("9" * 5000 + "-1", ["generation", "revocations"]),
        ("'; DROP TABLE", ["generation", "revocations"]),
    ],
)
async def test_who_comes_back_is_told_what_is_another_since_and_anything_where_it_does_not_say(
    host: Host, known: str, told: list[str]
) -> None:
    host.revoke(RevocationKind.SERVER, "git")
    async with listening(host.app, last_event_id=known) as stream:
        first = await stream.piece()
        assert first is not None
        assert [event.kind for event in events_in(first)] == [*told, "heartbeat"]
        assert events_in(first)[-1].id == "7-1"


async def test_wherever_a_stream_breaks_the_last_id_says_no_more_than_was_told(host: Host) -> None:
    """Both numbers change at once, and only the first of two events arrives."""
    async with listening(host.app) as stream:
        await stream.event("heartbeat")
        stream.takes.clear()
        host.revoke(RevocationKind.SERVER, "git")
        host.activate(8)
        stream.takes.set()
        arrived = await stream.event("generation")
    async with listening(host.app, last_event_id=arrived.id) as stream:
        assert (await stream.event()) == Event("revocations", "8-1", {"sequence": 1})


async def test_heartbeats_say_that_nothing_changed_and_how_long_ago_that_was_confirmed() -> None:
    async with hosting(bounds=rules(OFTEN)) as host, listening(host.app) as stream:
        first = await stream.event("heartbeat")
        host.bundles.confirmed = 61.2345
        host.bundles.standing = Standing(Trouble.UNAVAILABLE, "no route to host")
        while True:
            beat = await stream.event()
            assert (beat.kind, beat.id) == ("heartbeat", first.id)
            if beat.data["trouble"] is not None:
                break
        assert (beat.data["source_age_ms"], beat.data["trouble"]) == (61_235, "source_unavailable")
        host.bundles.confirmed = None
        while (await stream.event()).data["source_age_ms"] is not None:
            pass


async def test_revocations_that_cannot_be_read_grow_older_and_end_no_stream() -> None:
    async with hosting(bounds=rules(OFTEN)) as host, listening(host.app) as stream:
        host.revocations.raises = RevocationsUnavailableError("the disk is gone")
        ages = [(await stream.event("heartbeat")).data["revocations_age_ms"] for _ in range(20)]
        assert ages == sorted(ages)
        assert ages[0] < ages[-1]


async def test_without_a_bundle_there_is_no_generation_to_tell(host: Host) -> None:
    host.decider.raises = DecisionError(ReasonCode.BUNDLE_STALE, "none")
    async with listening(host.app) as stream:
        first = await stream.piece()
        assert first is not None
        assert [(event.kind, event.id) for event in events_in(first)] == [("revocations", "-0"), ("heartbeat", "-0")]
        host.decider.raises = None
        host.activate(8)
        assert (await stream.event()).data["generation"] == 8


async def test_a_reader_that_stalls_misses_what_was_replaced_and_keeps_nothing_waiting(host: Host) -> None:
    async with listening(host.app) as stalled, listening(host.app) as other:
        await stalled.event("heartbeat")
        await other.event("heartbeat")
        stalled.takes.clear()
        for number in range(8, 50):
            host.activate(number)
            host.revoke(RevocationKind.SERVER, f"git{number}")
            while (await other.event()).id != f"{number}-{number - 7}":
                pass
        stalled.takes.set()
        seen: list[Event] = []
        while not seen or seen[-1].id != "49-42":
            seen.append(await stalled.event())
        # What was on its way when it stalled, and then what is newest.
        assert [event.data.get("generation", event.data.get("sequence")) for event in seen] == [8, 1, 49, 42]


async def test_who_goes_away_leaves_nothing_behind() -> None:
    async with hosting(bounds=rules(OFTEN)) as host:
        before = asyncio.all_tasks()
        async with AsyncExitStack() as stack:
            for _ in range(50):
                stream = await stack.enter_async_context(listening(host.app))
                await stream.event("heartbeat")
            assert "toolgate_listeners 50.0" in (await host.client.get("/metrics")).text
        assert "toolgate_listeners 0.0" in (await host.client.get("/metrics")).text
        assert asyncio.all_tasks() <= before
        host.activate(8)  # nobody to tell
        async with listening(host.app) as stream:
            assert (await stream.event("generation")).data["generation"] == 8


async def test_who_goes_away_while_it_stalls_leaves_nothing_behind(host: Host) -> None:
    async with listening(host.app) as stream:
        await stream.event("heartbeat")
        stream.takes.clear()
        host.activate(8)
    assert "toolgate_listeners 0.0" in (await host.client.get("/metrics")).text


async def test_the_end_of_the_server_ends_all_streams_and_there_are_no_more() -> None:
    async with hosting(bounds=rules()) as host:
        async with listening(host.app) as one, listening(host.app) as other:
            await one.event("heartbeat")
            host.app.stop()
            await one.until_over()
            await other.until_over()
        answer = await host.client.get(PATH, headers=bearer(KEY))
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


async def test_listeners_have_a_bound_and_others_are_asked_to_come_back() -> None:
    async with hosting(bounds=rules(most=2)) as host:
        async with listening(host.app) as one, listening(host.app):
            answer = await host.client.get(PATH, headers=bearer(KEY))
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
            assert (await host.ask()).status_code == 200
            await one.event("heartbeat")
        async with listening(host.app) as stream:
            assert stream.status == 200


@pytest.mark.parametrize("headers", [{}, bearer("x" * 43), {"authorization": "Basic eA=="}])
async def test_only_enforcers_listen(host: Host, headers: dict[str, str]) -> None:
    assert (await host.client.get(PATH, headers=headers)).status_code == 401
    assert (await host.client.get(PATH, headers=bearer(KEY) | {"origin": "https://a.example"})).status_code == 403


@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT", "DELETE", "OPTIONS"])
async def test_events_are_got_and_nothing_else(host: Host, method: str) -> None:
    answer = await host.client.request(method, PATH, headers=bearer(KEY))
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")
    assert (await host.client.get(f"{PATH}/", headers=bearer(KEY))).status_code == 404


async def test_a_body_or_two_ids_are_refused(host: Host) -> None:
    answer = await host.client.request("GET", PATH, headers=bearer(KEY), content=b"x")
    assert (answer.status_code, answer.headers["connection"]) == (400, "close")
    twice = [*bearer(KEY).items(), ("last-event-id", "7-0"), ("last-event-id", "7-1")]
    assert (await host.client.get(PATH, headers=twice)).status_code == 400
    assert "toolgate_listeners 0.0" in (await host.client.get("/metrics")).text


@pytest.mark.parametrize("text", ["a\nevent: generation\nid: 99-99\ndata: {}\n\n", "a\r\n\r\nretry: 1", "\u2028\x85\0"])
async def test_nothing_that_is_told_can_be_read_as_another_event(host: Host, text: str) -> None:
    host.decider.bundle = text
    async with listening(host.app, last_event_id=text.encode().decode("latin-1")) as stream:
        event = await stream.event()
        assert (event.kind, event.id, event.data["bundle"]) == ("generation", "7-", text)
        assert text not in str(stream.headers)


async def test_a_feed_that_fails_ends_its_streams_and_says_so(host: Host) -> None:
    async with listening(host.app) as stream:
        await stream.event("heartbeat")
        host.decider.raises = ZeroDivisionError("corp|alice")
        host.activate(8)
        await stream.until_over()
    (told,) = host.events.named("events_failed")
    assert (told["error"], "alice" in repr(told)) == ("ZeroDivisionError", False)


async def test_all_of_many_listeners_see_a_change_at_once(host: Host) -> None:
    async with AsyncExitStack() as stack:
        streams = [await stack.enter_async_context(listening(host.app)) for _ in range(200)]
        for stream in streams:
            await stream.event("heartbeat")
        host.activate(8)
        pieces = [await stream.piece() for stream in streams]
        assert len({id(piece) for piece in pieces}) == 1, "one text for all"
