"""`toolgate log prove` and `verify-proof`: that one record is in the log, for somebody who has not got it."""

import sys
from itertools import chain
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from pdp.audit.evidence.held import read_held
from pdp.audit.evidence.proof import MAX_PROOF_BYTES, Proven, read_proof, verify_proof
from pdp.audit.evidence.prove import find_record, prove, record_at
from pdp.audit.evidence.statement import EvidenceError
from pdp.audit.location import open_snapshot
from pdp.cli.config import ConfigOption
from pdp.cli.log_account import UnrecordedOption, record_reading, unrecorded_of
from pdp.cli.log_place import UrlOption, place_of
from pdp.cli.log_verify import PROBLEMS, HeldOption, JsonOption, TrustOption, trusted
from pdp.cli.terminal import legible
from pdp.core.contract.errors import UnusableError
from pdp.exports.held_places import held_at
from pdp.hosting.whole_file import write_whole


def prove_record(
    identity: Annotated[str | None, typer.Argument(help="The record's `id`.", metavar="ID")] = None,
    *,
    position: Annotated[int | None, typer.Option(help="Its position instead.", min=1)] = None,
    upto: Annotated[
        int | None, typer.Option("--to", help="Up to this checkpoint instead of the newest.", min=1, metavar="NUMBER")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Where to write it.", metavar="FILE")] = None,
    unsafe_unrecorded: UnrecordedOption = False,
    log_url: UrlOption = None,
    config: ConfigOption = Path("toolgate.yaml"),
) -> None:
    """Write the proof that a record is in the log: what it says, and how it leads to signed checkpoints."""
    if (identity is None) == (position is None):
        raise typer.BadParameter("name the record by its `id`, or by `--position`")
    place = place_of(log_url, config)
    with open_snapshot(place.log, base=place.base) as connection:
        found = record_at(connection, position) if position is not None else find_record(connection, identity or "")
        proof = prove(connection, found, upto=upto).to_json()
    asked = {"id": identity, "position": position, "to": upto}
    record_reading(place, "log prove", asked, found=1, unrecorded=unrecorded_of(unsafe_unrecorded))
    if out is None:
        sys.stdout.write(proof.decode("utf-8"))
        return
    try:
        write_whole(out, proof)
    except OSError as error:
        raise UnusableError(f"`{out}` cannot be written: {error.strerror}") from error


def verify_proof_file(
    file: Annotated[Path, typer.Argument(help="What `toolgate log prove` wrote.", metavar="FILE")],
    *,
    trust: TrustOption = None,
    checkpoint: HeldOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what a proof proves, without the log: its record, and the signed checkpoints that it is in."""
    if not trust:
        raise typer.BadParameter("name the public keys that sign the log with `--trust`: nobody is trusted unasked")
    keys = trusted(trust, None, base=Path())
    try:
        with file.open("rb") as opened:
            raw = opened.read(MAX_PROOF_BYTES + 1)
    except OSError as error:
        raise UnusableError(f"`{file}` cannot be read: {error.strerror}") from error
    try:
        places = list(chain.from_iterable(held_at(place) for place in checkpoint or []))
        held = [read_held(one.read()) for one in places]
        for one in held:
            one.checkpoint.signer(keys)
        proven = verify_proof(read_proof(raw), trusted=keys, held=held)
    except EvidenceError as error:
        sys.stderr.write(f"this proves nothing: {legible(str(error))}\n")
        raise typer.Exit(PROBLEMS) from error
    except OSError as error:
        raise UnusableError(f"a checkpoint cannot be read: {error.strerror}") from error
    sys.stdout.write(_json(proven) if as_json else _text(proven))


def _json(proven: Proven) -> str:
    value = {
        "record": msgspec.json.decode(proven.content),
        "log": proven.checkpoint.statement.log,
        "index": proven.index,
        "checkpoint": proven.checkpoint.statement,
        "newest": proven.newest.statement,
    }
    return msgspec.json.encode(value).decode("utf-8") + "\n"


def _text(proven: Proven) -> str:
    covering, newest = proven.checkpoint.statement, proven.newest.statement
    lines = [
        legible(proven.content.decode("utf-8", "replace")),
        f"is record {proven.index + 1} of the log `{covering.log}`",
        f"covered by checkpoint {covering.number} of {covering.time}, in the history of checkpoint {newest.number} of "
        f"{newest.time}",
    ]
    return "\n".join(lines) + "\n"
