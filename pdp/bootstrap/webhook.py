"""What takes notifications of pushes, from the settings."""

from collections.abc import Awaitable, Callable
from pathlib import Path

from pdp.core.contract.clock import Clock
from pdp.core.contract.errors import UnusableError
from pdp.core.settings.bundles import GitSettings
from pdp.server.webhooks import Webhook
from pdp.tokens.secret_file import read_secret


def open_webhook(
    git: GitSettings | None, look: Callable[[], Awaitable[None]], *, base: Path, clock: Clock
) -> Webhook | None:
    """What takes notifications, and has `look` called; None where none are configured.

    Raises:
        UnusableError: the secret cannot be used.

    """
    if git is None or git.webhook is None:
        return None
    path = base / git.webhook.secret
    try:
        return Webhook(read_secret(path), look, clock=clock)
    except FileNotFoundError as error:
        raise UnusableError(f"there is no file `{path}`") from error
