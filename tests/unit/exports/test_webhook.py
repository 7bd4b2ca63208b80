import pytest

from pdp.audit.evidence.export import ExportError, Leaves
from pdp.audit.evidence.held import Held, read_held
from pdp.core.contract.errors import UnusableError
from pdp.exports.webhook import WebhookExport, signature
from pdp.lifecycle.web import Web, site
from tests.raw_server import Answering, RawServer, raw_server, reply
from tests.unit.audit.evidence.scene import Hands, Scene, Writer

SECRET = b"0123456789abcdef0123456789abcdef"


@pytest.fixture
def held(scene: Scene) -> Held:
    scene.put(Writer().write(5))
    scene.checkpointer.make()
    return read_held(scene.held(Leaves.WITH)[0].read())


def export(server: RawServer, *, timeout: float = 5.0, secret: bytes = SECRET) -> WebhookExport:
    web = Web(timeout=timeout)
    return WebhookExport(site(server.url + "/in"), secret=secret, web=web, clock=Hands().clock(), target="hook")


def test_a_checkpoint_is_posted_signed_so_that_the_receiver_can_tell(held: Held) -> None:
    with raw_server(lambda asked: reply(204)) as server:
        export(server).publish(held)
    (asked,) = server.asked
    assert (asked.method, asked.target) == ("POST", "/in")
    assert read_held(asked.body).checkpoint.digest == held.checkpoint.digest
    names = ("webhook-id", "webhook-timestamp", "webhook-signature")
    identifier, timestamp, shown = (asked.headers[name] for name in names)
    assert identifier == f"{held.checkpoint.statement.log}-1"
    assert shown == signature(SECRET, identifier=identifier, timestamp=timestamp, body=asked.body)


@pytest.mark.parametrize(
    "answering",
    [
        lambda asked: reply(500),
        lambda asked: reply(302, location="http://127.0.0.1:9/"),
        lambda asked: reply(404),
        lambda asked: b"no http at all\r\n\r\n",
        lambda asked: b"",
    ],
)
def test_whatever_is_no_success_is_an_error_and_nothing_else_is_asked(held: Held, answering: Answering) -> None:
    with raw_server(answering) as server, pytest.raises(ExportError):
        export(server).publish(held)
    assert len(server.asked) == 1


def test_a_server_that_dawdles_is_left(held: Held) -> None:
    with raw_server(lambda _: b"") as server:
        server.answering = lambda _: server.slowly(reply(200) * 1000)
        with pytest.raises(ExportError, match="took longer"):
            export(server, timeout=0.3).publish(held)


def test_a_secret_that_anybody_could_guess_is_refused() -> None:
    with raw_server(lambda asked: reply(204)) as server:
        for secret in (b"short", b"whsec_!!!!!!!!!!!!!!!!!!!!!!!!"):
            with pytest.raises(UnusableError):
                export(server, secret=secret)
