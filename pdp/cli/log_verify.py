"""`toolgate log verify`: whether the log is what was signed."""

import sys
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import typer

from pdp.audit.evidence.checkpoint import Trusted
from pdp.audit.evidence.log_snapshot import LogSnapshot
from pdp.audit.evidence.verify import Report, Verification
from pdp.audit.location import open_snapshot
from pdp.cli.config import ConfigOption
from pdp.cli.log_place import UrlOption, place_of
from pdp.cli.terminal import legible
from pdp.core.contract.errors import UnusableError
from pdp.core.settings.checkpoints import CheckpointSettings
from pdp.exports.held_places import held_at
from pdp.exports.opening import read_trusted

TrustOption = Annotated[
    list[Path] | None,
    typer.Option("--trust", help="A public key that signs the log; may be repeated.", metavar="FILE"),
]
HeldOption = Annotated[
    list[str] | None,
    typer.Option(
        "--checkpoint",
        help="Checkpoints held outside: a file, a folder, or a bare repository; may be repeated.",
        metavar="PLACE",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]

PROBLEMS: Final = 1


def verify(
    *,
    trust: TrustOption = None,
    checkpoint: HeldOption = None,
    as_json: JsonOption = False,
    log_url: UrlOption = None,
    config: ConfigOption = Path("toolgate.yaml"),
) -> None:
    """Find what was altered, removed, added or moved, the first of it first; exit 1 where anything is."""
    log, base = place_of(log_url, config)
    keys = trusted(trust, log.checkpoints, base=base)
    held = chain.from_iterable(held_at(place) for place in checkpoint or [])
    with open_snapshot(log, base=base) as connection:
        snapshot = LogSnapshot(connection)
        if not keys and (checkpoint or next(snapshot.checkpoints(), None) is not None):
            raise UnusableError("name the public keys that sign the log with `--trust`: nobody is trusted unasked")
        report = Verification(snapshot, trusted=keys, held=held, told=_telling(snapshot)).run()
    print_report(report, as_json=as_json)
    if report.findings.counts:
        raise typer.Exit(PROBLEMS)


def print_report(report: Report, *, as_json: bool) -> None:
    """Print what a verification came to."""
    sys.stdout.write(_json(report) if as_json else _text(report))


def trusted(named: list[Path] | None, settings: CheckpointSettings | None, *, base: Path) -> Trusted:
    """The keys that are `named`; where none are, those of the settings.

    Raises:
        UnusableError: one cannot be used.

    """
    if named:
        return read_trusted(named)
    return {} if settings is None else read_trusted(base / path for path in [settings.key, *settings.trust])


def _telling(snapshot: LogSnapshot) -> Callable[[int], None]:
    """Says on a terminal how far it is."""
    if not sys.stderr.isatty():
        return lambda _: None
    total = max(1, snapshot.count())

    def tell(count: int) -> None:
        end = "\n" if count + 1000 > total else ""
        sys.stderr.write(f"\r{count} of {total} records ({100 * count // total} %){end}")

    return tell


def _json(report: Report) -> str:
    value: dict[str, Any] = {
        "log": report.log,
        "records": report.records,
        "checkpoints": report.checkpoints,
        "uncovered": report.uncovered,
        "awaited": report.awaited,
        "unread": report.unread,
        "held": report.held,
        "counts": {code.value: count for code, count in sorted(report.findings.counts.items())},
        "findings": [one.as_json() for one in report.findings.ordered()],
    }
    return msgspec.json.encode(value).decode("utf-8") + "\n"


def _text(report: Report) -> str:
    lines = [f"{one.code}: {legible(one.text)}" for one in report.findings.ordered()]
    kept = len(lines)
    total = report.findings.counts.total()
    if total > kept:
        lines.append(f"and {total - kept} more of the same kinds")
    held = f", {report.held} of them held outside" if report.held else ""
    lines.append(f"{report.records} records and {report.checkpoints} checkpoints{held}: {_verdict(total)}")
    if report.uncovered:
        lines.append(
            f"{report.uncovered} records came after the last checkpoint: only the chains of their runs vouch for them"
        )
    if report.unread:
        lines.append(f"the records up to checkpoint {report.unread} are in archives, which were not read")
    if report.awaited:
        lines.append(f"{report.awaited} records have not come yet, by what their writers say")
    if not report.held:
        lines.append(
            "no checkpoint held outside was compared: name some with `--checkpoint` to see whether the end is there"
        )
    return "\n".join(lines) + "\n"


def _verdict(total: int) -> str:
    return "nothing is wrong" if not total else f"{total} things are wrong" if total > 1 else "one thing is wrong"
