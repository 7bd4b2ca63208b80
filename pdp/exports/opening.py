"""Checkpoints of the log from the settings: who signs, and where they go."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from structlog.typing import FilteringBoundLogger

from pdp.audit.evidence.checkpointer import Checkpointer, CheckpointRules
from pdp.audit.evidence.export import CheckpointExport, Exporter, Leaves
from pdp.audit.evidence.ledger import Ledger
from pdp.audit.evidence.remembered import Remembered
from pdp.audit.evidence.service import CheckpointService, Stop
from pdp.audit.location import open_database
from pdp.core.bundle.key import KeyPair, PublicKey
from pdp.core.contract.clock import Clock
from pdp.core.contract.digest import digest_of
from pdp.core.contract.errors import ConfigurationError, Problem, UnusableError
from pdp.core.settings.checkpoints import (
    DEFAULT_SEEN,
    CheckpointSettings,
    ExportGitSettings,
    ExportSettings,
    ExportWebhookSettings,
)
from pdp.core.settings.decision_point import LogSettings, PdpSettings
from pdp.database.sqlite_file import Access
from pdp.exports.folder import FolderExport
from pdp.exports.git import GitExport
from pdp.exports.webhook import WebhookExport
from pdp.lifecycle.git.command import GIT_LIMITS, Commands, check_git, check_installed
from pdp.lifecycle.git.environment import GitAccess, git_environment
from pdp.lifecycle.git.location import wanted
from pdp.lifecycle.web import Web, site
from pdp.tokens.fetch.unavailable import UnavailableError
from pdp.tokens.secret_file import read_secret

_SETTING: Final = "pdp.log.checkpoints"
_MAX_KEY_BYTES: Final = 64 * 1024
_MAX_TARGET: Final = 256


def open_checkpoints(
    pdp: PdpSettings, *, base: Path, clock: Clock, log: FilteringBoundLogger
) -> CheckpointService | None:
    """What makes the checkpoints of the log of `pdp` and gives them away; None where none are configured.

    Raises:
        ConfigurationError: a place outside cannot be used as it is configured.
        UnusableError: the log, a key or a file cannot be used.

    """
    settings = pdp.log.checkpoints
    if settings is None:
        return None
    exports = open_exports(settings, base=base, state=base / pdp.state, clock=clock)
    stop = Stop()
    ledgers = [open_ledger(pdp.log, base=base) for _ in range(1 + len(exports))]
    checkpointer = open_checkpointer(
        settings, ledgers[0], base=base, state=base / pdp.state, clock=clock, log=log, stop=stop
    )
    exporters = [
        Exporter(export, ledger, leaves=leaves, log=log, is_stopping=stop.is_set)
        for (export, leaves), ledger in zip(exports, ledgers[1:], strict=True)
    ]
    return CheckpointService(checkpointer, exporters, stop, lambda: _close(ledgers), log)


def open_ledger(log: LogSettings, *, base: Path) -> Ledger:
    """The log of the settings, for one thread.

    Raises:
        UnusableError: there is none, or it cannot be opened.

    """
    reader = open_database(log, Access.READ, base=base)
    return Ledger(reader, open_database(log, Access.WRITE, base=base))


def open_checkpointer(
    settings: CheckpointSettings,
    ledger: Ledger,
    *,
    base: Path,
    state: Path,
    clock: Clock,
    log: FilteringBoundLogger,
    stop: Stop,
) -> Checkpointer:
    """What makes checkpoints of the log behind `ledger`.

    Raises:
        UnusableError: a key cannot be used.

    """
    return Checkpointer(
        ledger,
        key=_key(base / settings.key),
        trusted=read_trusted(base / path for path in settings.trust),
        remembered=Remembered(state / DEFAULT_SEEN),
        rules=CheckpointRules(settings.every, settings.interval, settings.silence),
        clock=clock,
        log=log,
        pause=stop.pause,
    )


def read_trusted(paths: Iterable[Path]) -> dict[str, PublicKey]:
    """The public keys in the files at `paths`, by id; a private key's file has one, too.

    Raises:
        UnusableError: a file cannot be read, or holds none.

    """
    keys = [_public(path) for path in paths]
    return {key.id: key for key in keys}


def open_exports(
    settings: CheckpointSettings, *, base: Path, state: Path, clock: Clock
) -> list[tuple[CheckpointExport, Leaves]]:
    """The places outside, each with whether digests go along.

    Raises:
        ConfigurationError: two have one name, or one cannot be used as it is configured.
        UnusableError: a file of the settings cannot be used.

    """
    found: dict[str, tuple[CheckpointExport, Leaves]] = {}
    for number, export in enumerate(settings.exports):
        setting = f"{_SETTING}.exports[{number}]"
        opened = _open(export, base=base, state=state, clock=clock, setting=setting)
        if opened.target in found:
            text = f"there is another place called `{opened.target}`: give this one another `name`"
            raise ConfigurationError([Problem(setting, 0, 0, "export_twice", text)])
        found[opened.target] = (opened, Leaves.WITH if export.leaves else Leaves.WITHOUT)
    return list(found.values())


def _open(export: ExportSettings, *, base: Path, state: Path, clock: Clock, setting: str) -> CheckpointExport:
    if export.folder is not None:
        target = export.name or f"folder:{export.folder}"
        return FolderExport((base / export.folder).absolute(), target=target[:_MAX_TARGET])
    if export.git is not None:
        target = export.name or f"git:{export.git.url}#{export.git.branch}"
        return _git(export.git, base=base, state=state, target=target[:_MAX_TARGET], setting=setting)
    if export.webhook is None:
        raise ConfigurationError([Problem(setting, 0, 0, "export_empty", "name a place")])
    target = export.name or f"webhook:{export.webhook.url}"
    return _webhook(export.webhook, base=base, target=target[:_MAX_TARGET], clock=clock, setting=setting)


def _git(git: ExportGitSettings, *, base: Path, state: Path, target: str, setting: str) -> GitExport:
    asked = wanted(git.url, reference=f"refs/heads/{git.branch}", folders={}, base=base, setting=f"{setting}.git")
    access = GitAccess(
        user=git.user,
        password=None if git.password is None else _secret(base / git.password).decode("utf-8").strip(),
        ssh_key=_file(base, git.ssh_key),
        known_hosts=_file(base, git.known_hosts),
    )
    environment = git_environment(access, url=asked.location.url, environment=os.environ)  # noqa: TID251 - the edge
    check_installed("git", environment=environment)
    check_git(environment)
    folder = (state / "checkpoints" / f"{_plain(target)}.git").absolute()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    commands = Commands(environment, folder=folder, limits=GIT_LIMITS, secrets=access.secrets)
    return GitExport(
        asked.location.url, branch=git.branch, folder=folder, commands=commands, timeout=git.timeout, target=target
    )


def _webhook(webhook: ExportWebhookSettings, *, base: Path, target: str, clock: Clock, setting: str) -> WebhookExport:
    try:
        endpoint = site(webhook.url)
    except UnavailableError as error:
        raise ConfigurationError([Problem(f"{setting}.webhook.url", 0, 0, "url_unusable", str(error))]) from error
    secret = _secret(base / webhook.secret)
    return WebhookExport(endpoint, secret=secret, web=Web(timeout=webhook.timeout), clock=clock, target=target)


def _key(path: Path) -> KeyPair:
    try:
        return KeyPair.from_pem(read_secret(path))
    except FileNotFoundError as error:
        raise UnusableError(f"there is no key `{path}`: see `toolgate bundle keygen {path}`") from error
    except UnusableError as error:
        raise UnusableError(f"`{path}`: {error}") from error


def _public(path: Path) -> PublicKey:
    try:
        with path.open("rb") as file:
            pem = file.read(_MAX_KEY_BYTES)
        return KeyPair.from_pem(pem).public if b"PRIVATE KEY" in pem else PublicKey.from_pem(pem)
    except OSError as error:
        raise UnusableError(f"`{path}` cannot be read: {error.strerror}") from error
    except UnusableError as error:
        raise UnusableError(f"`{path}`: {error}") from error


def _secret(path: Path) -> bytes:
    try:
        return read_secret(path)
    except FileNotFoundError as error:
        raise UnusableError(f"there is no file `{path}`") from error


def _file(base: Path, path: Path | None) -> Path | None:
    found = None if path is None else (base / path).absolute()
    if found is not None and not found.is_file():
        raise UnusableError(f"there is no file `{found}`")
    return found


def _plain(target: str) -> str:
    """A name for a folder, one for each target."""
    return digest_of(target.encode("utf-8")).partition(":")[2][:32]


def _close(ledgers: Iterable[Ledger]) -> None:
    for ledger in ledgers:
        ledger.close()
