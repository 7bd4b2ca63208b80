"""A decision point's administration, asked from a terminal with a person's token."""

import json
import ssl
from collections.abc import Mapping
from typing import Any, Final, TypeVar

import httpx
import msgspec

from pdp.cli.terminal import legible
from pdp.core.contract.errors import UnusableError
from pdp.hosting.address import Exposure, host_exposure

TOKEN: Final = "TOOLGATE_TOKEN"  # noqa: S105 - a variable's name
TIMEOUT_SECONDS: Final = 10.0

_UNIX: Final = "unix:"
_MAX_ANSWER: Final = 64 * 1024 * 1024

T = TypeVar("T")


class AdminClient:
    """Asks the administration at `url` with the bearer token in `environ`'s `TOOLGATE_TOKEN`; `option` named the URL.

    Raises:
        UnusableError: there is no token, or it would go over the network unprotected.

    """

    def __init__(self, url: str, *, environ: Mapping[str, str], option: str) -> None:
        token = environ.get(TOKEN, "")
        if not token or not token.isascii() or not token.isprintable() or " " in token:
            raise UnusableError(f"`{option}` needs a token in the environment's `{TOKEN}`")
        transport, base_url = _way_to(url, option)
        self._client = httpx.Client(
            transport=transport,
            base_url=base_url,
            headers={"authorization": f"Bearer {token}"},
            timeout=TIMEOUT_SECONDS,
            trust_env=False,
        )

    def ask(self, method: str, path: str, *, absent: str | None = None, **named: Any) -> bytes | None:
        """The answer; None for a problem (RFC 9457) with the code `absent`.

        Raises:
            UnusableError: there is no good answer.

        """
        try:
            with self._client.stream(method, path, **named) as answer:
                content = bytearray()
                for piece in answer.iter_bytes():
                    content += piece
                    if len(content) > _MAX_ANSWER:
                        raise UnusableError("the decision point answers too much")
        except (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError) as error:
            raise UnusableError(f"the decision point cannot be asked: {type(error).__name__}") from error
        code, detail = _problem_in(bytes(content))
        if absent is not None and code == absent:
            return None
        if not answer.is_success:
            raise UnusableError(f"the decision point refuses with status {answer.status_code}: {detail}")
        return bytes(content)


def _way_to(url: str, option: str) -> tuple[httpx.HTTPTransport, str]:
    if url.startswith(_UNIX):
        return httpx.HTTPTransport(uds=url.removeprefix(_UNIX)), "http://localhost"
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise UnusableError(f"the URL of `{option}` cannot be read") from error
    is_near = host_exposure(parsed.host) is Exposure.LOOPBACK
    if not parsed.host or not (parsed.scheme == "https" or (parsed.scheme == "http" and is_near)):
        raise UnusableError("the token is only sent over `https`, to `http` on this machine, or to `unix:/path`")
    return httpx.HTTPTransport(verify=ssl.create_default_context()), url


def read_answer(content: bytes | None, kind: type[T]) -> T:
    """The `kind` in an answer.

    Raises:
        UnusableError: there is none in it.

    """
    try:
        return msgspec.json.decode(content or b"", type=kind)
    except msgspec.MsgspecError as error:
        raise UnusableError("the decision point answers something else than its administration would") from error


def _problem_in(content: bytes) -> tuple[str, str]:
    """Code and text of a problem (RFC 9457), harmless to a terminal; empty where it is none."""
    try:
        found = json.loads(content)
    except ValueError:
        return "", "no reason is given"
    if not isinstance(found, dict):
        return "", "no reason is given"
    return str(found.get("code", "")), legible(str(found.get("detail", "")))[:500]
