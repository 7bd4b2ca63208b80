"""The OAuth clients that may exchange assertions, and how they authenticate (RFC 6749, section 2.3.1)."""

import hmac
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pdp.core.contract.errors import ConfigurationError, Problem, TokenError, UnusableError
from pdp.tokens.local.attempts import BY_NAME, Attempts
from pdp.tokens.local.id_jag.refusal import GrantError, GrantErrorCode
from pdp.tokens.secret_file import read_secret

MIN_SECRET_BYTES: Final = 32
MAX_CLIENT_ID: Final = 512


class Clients:
    """Knows clients by the id and the secret of each."""

    def __init__(self, secrets: Mapping[str, bytes]) -> None:
        self._secrets = dict(secrets)
        self._attempts = Attempts(BY_NAME)

    def check(self, client_id: str, *, secret: str, now: float) -> None:
        """Return when `secret` is that of the client `client_id`; `now` is seconds of any clock.

        Raises:
            GrantError: `invalid_client` for an unknown one too, `slow_down` after too many failures.

        """
        if len(client_id) > MAX_CLIENT_ID:
            raise _refused()
        try:
            self._attempts.begin(client_id, now=now)
        except TokenError as error:
            raise GrantError(GrantErrorCode.SLOW_DOWN, "too many failed attempts") from error
        expected = self._secrets.get(client_id)
        shown = secret.encode("utf-8", "surrogatepass")
        if not hmac.compare_digest(shown, expected or b"\0" * MIN_SECRET_BYTES) or expected is None:
            raise _refused()
        self._attempts.succeeded(client_id)


def read_clients(files: Mapping[str, Path], *, base: Path) -> Clients:
    """The clients whose secrets are in `files`, relative to `base`.

    Raises:
        UnusableError: a file cannot be read, or others can read it.
        ConfigurationError: a secret is too short to be one; all of those at once.

    """
    secrets, problems = {}, []
    for client_id, file in files.items():
        try:
            secret = read_secret(base / file).strip()
        except FileNotFoundError as error:
            raise UnusableError(f"there is no `{base / file}` with the secret of client `{client_id}`") from error
        if len(secret) < MIN_SECRET_BYTES:
            text = f"the secret of client `{client_id}` is shorter than {MIN_SECRET_BYTES} bytes"
            problems.append(Problem("identity.id_jag.clients", 0, 0, "client_secret_short", text))
        secrets[client_id] = secret
    if problems:
        raise ConfigurationError(problems)
    return Clients(secrets)


def _refused() -> GrantError:
    return GrantError(GrantErrorCode.INVALID_CLIENT, "no such client, or not its secret")
