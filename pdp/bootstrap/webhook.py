"""What takes notifications of pushes, from the settings."""

from collections.abc import Awaitable, Callable
from pathlib import Path

from pdp.core.contract.clock import Clock
from pdp.core.contract.errors import ConfigurationError, Problem, UnusableError
from pdp.core.settings.bundles import BundleSettings
from pdp.server.webhooks import Webhook
from pdp.tokens.secret_file import read_secret


def open_webhook(
    bundles: BundleSettings, look: Callable[[], Awaitable[None]], *, base: Path, clock: Clock
) -> Webhook | None:
    """What takes notifications, and has `look` called; None where none are configured.

    Raises:
        ConfigurationError: two are configured, and there is one path for them.
        UnusableError: the secret cannot be used.

    """
    repositories = (bundles.git, None if bundles.canary is None else bundles.canary.git)
    configured = [git.webhook for git in repositories if git is not None and git.webhook is not None]
    if not configured:
        return None
    if len(configured) > 1:
        text = "the webhook of `pdp.bundles.git` has the canary looked at too: leave this one out"
        raise ConfigurationError([Problem("pdp.bundles.canary.git.webhook", 0, 0, "webhook_twice", text)])
    path = base / configured[0].secret
    try:
        return Webhook(read_secret(path), look, clock=clock)
    except FileNotFoundError as error:
        raise UnusableError(f"there is no file `{path}`") from error
