"""`toolgate log archive`: moves what is old into Parquet files."""

import sys
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from pdp.audit.archive.mover import Moved, Mover
from pdp.audit.archive.plan import Part
from pdp.audit.evidence.statement import EvidenceError
from pdp.audit.location import open_database
from pdp.cli.config import ConfigOption
from pdp.cli.dev import seconds
from pdp.cli.log_place import UrlOption, place_of
from pdp.cli.log_verify import PROBLEMS, JsonOption, TrustOption, trusted
from pdp.core.contract.errors import UnusableError
from pdp.core.contract.identifier import rfc3339
from pdp.database.sqlite_file import Access


def archive(
    *,
    older_than: Annotated[str, typer.Option(help="Move what was signed longer ago: `2160h`.", metavar="DURATION")],
    to: Annotated[Path, typer.Option(help="The folder for archives; it must exist.", file_okay=False)],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be moved.")] = False,
    trust: TrustOption = None,
    as_json: JsonOption = False,
    log_url: UrlOption = None,
    config: ConfigOption = Path("toolgate.yaml"),
) -> None:
    """Move old records, with the checkpoints that vouch for them, into Parquet files, and out of the log.

    Example: toolgate log archive --older-than 2160h --to /srv/archives
    """
    log, base = place_of(log_url, config)
    keys = trusted(trust, log.checkpoints, base=base)
    if not keys:
        raise UnusableError("name the public keys that sign the log with `--trust`: only what is signed is archived")
    if not to.is_dir():
        raise UnusableError(f"there is no folder `{to}`: make one that only you can write to")
    now = time.time()  # noqa: TID251 - the edge
    before = round((now - seconds(older_than, "--older-than")) * 1000)
    with (
        closing(open_database(log, Access.READ, base=base)) as reader,
        closing(open_database(log, Access.WRITE, base=base)) as writer,
    ):
        mover = Mover(reader, writer, folder=to, trusted=keys)
        mover.finish()
        parts = mover.plan(before=before)
        if dry_run:
            _print([_planned(part) for part in parts], as_json=as_json)
            return
        try:
            for part in parts:
                _print([_made(mover.move(part, made=round(now * 1000)))], as_json=as_json)
        except EvidenceError as error:
            sys.stderr.write(f"{error}\n")
            raise typer.Exit(PROBLEMS) from error
    if not parts and not as_json:
        sys.stdout.write(f"nothing was signed before {rfc3339(before / 1000)} that is not archived\n")


def _planned(part: Part) -> dict[str, Any]:
    first, last = part.batches[0].made, part.batches[-1].made
    return {
        "first": part.first,
        "last": part.last,
        "records": part.count,
        "from": _time(first),
        "until": _time(last),
    }


def _made(moved: Moved) -> dict[str, Any]:
    return {
        "first": moved.first,
        "last": moved.last,
        "records": moved.records,
        "archive": str(moved.path),
        "bytes": moved.size,
    }


def _print(made: list[dict[str, Any]], *, as_json: bool) -> None:
    for one in made:
        if as_json:
            sys.stdout.write(msgspec.json.encode(one).decode("utf-8") + "\n")
            continue
        what = f"{one['records']} records, checkpoints {one['first']} to {one['last']}"
        where = f"{one['archive']} ({one['bytes']} bytes)" if "archive" in one else f"{one['from']} to {one['until']}"
        sys.stdout.write(f"{what}: {where}\n")


def _time(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="seconds")
