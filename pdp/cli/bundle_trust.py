"""`toolgate bundle trust`: which keys may sign what, and its next version."""

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer

from pdp.cli.bundle_files import JsonOption, KeyOption, read_keys, read_public, read_trust, write_file
from pdp.core.bundle.envelope import sealed
from pdp.core.bundle.key import PublicKey
from pdp.core.bundle.trust import PAYLOAD_TYPE, Role, Trust, TrustDocument, advanced, document_of, trust_of
from pdp.core.contract.errors import UnusableError

app: Final = typer.Typer(
    name="trust",
    help="Say which keys may sign bundles, and change it.",
    epilog="Example: toolgate bundle trust init --key keys/bundle.pem -o trust.json",
    no_args_is_help=True,
)

OutOption = Annotated[Path, typer.Option("--out", "-o", help="Where to write it.", metavar="FILE")]
RoleKey = Annotated[
    list[str] | None, typer.Option(metavar="ROLE=FILE", help="A public key of `root`, `bundle` or `freshness`.")
]
ThresholdOption = Annotated[
    list[str] | None, typer.Option("--threshold", metavar="ROLE=N", help="How many keys of a role have to sign.")
]


@app.command(epilog="Example: toolgate bundle trust init --key keys/root.pem --add bundle=ci.pub -o trust.json")
def init(
    *,
    key: KeyOption = None,
    add: RoleKey = None,
    threshold: ThresholdOption = None,
    out: OutOption = Path("trust.json"),
) -> None:
    """Make the first version; roles without a key of their own get those of `--key`."""
    if out.exists():
        raise UnusableError(f"`{out}` is there already: its next version is made by `toolgate bundle trust rotate`")
    own = read_keys(key)
    named = _by_role(add)
    members = {role: named.get(role) or [one.public for one in own] for role in Role}
    wanted = _thresholds(threshold)
    document = document_of(1, {role: (keys, wanted.get(role, 1)) for role, keys in members.items()})
    _write(trust_of(sealed(PAYLOAD_TYPE, document.to_json(), keys=own)), out)


@app.command(epilog="Example: toolgate bundle trust rotate --add bundle=new.pub --remove 3f9a --key root.pem")
def rotate(
    trust: Annotated[Path, typer.Argument(help="The versions before.", metavar="FILE")] = Path("trust.json"),
    *,
    key: KeyOption = None,
    add: RoleKey = None,
    remove: Annotated[
        list[str] | None, typer.Option(metavar="KEYID", help="The id of a key, or how it begins: out of every role.")
    ] = None,
    threshold: ThresholdOption = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Another file for it.", metavar="FILE")] = None,
) -> None:
    """Add the next version to the file, signed by root keys of the one before and of itself."""
    before = read_trust(trust)
    if before is None:
        raise UnusableError("name the version before")
    document = _changed(before, added=_by_role(add), gone=remove or [], thresholds=_thresholds(threshold))
    envelope = sealed(PAYLOAD_TYPE, document.to_json(), keys=read_keys(key))
    _write(advanced(before, [envelope]), out or trust)


@app.command(epilog="Example: toolgate bundle trust show trust.json --json")
def show(
    trust: Annotated[Path, typer.Argument(help="The root of trust.", metavar="FILE")] = Path("trust.json"),
    *,
    as_json: JsonOption = False,
) -> None:
    """Show the keys of each role."""
    found = read_trust(trust)
    if found is None:
        raise UnusableError("name a root of trust")
    document = found.document
    if as_json:
        sys.stdout.write(json.dumps(msgspec.to_builtins(document), indent=2) + "\n")
        return
    sys.stdout.write(f"version {document.trust}\n")
    for role in Role:
        keys = document.roles[role]
        sys.stdout.write(f"{role}: {keys.threshold} of {len(keys.keys)}\n")
        sys.stdout.writelines(f"  {name}\n" for name in keys.keys)


def _changed(
    before: Trust, *, added: dict[Role, list[PublicKey]], gone: Iterable[str], thresholds: dict[Role, int]
) -> TrustDocument:
    document = before.document
    out = {_id_of(name, known=document.keys) for name in gone}
    held = {name: PublicKey.from_pem(pem.encode()) for name, pem in document.keys.items() if name not in out}
    return document_of(
        document.trust + 1,
        {
            role: (
                [held[name] for name in document.roles[role].keys if name in held] + added.get(role, []),
                thresholds.get(role, document.roles[role].threshold),
            )
            for role in Role
        },
    )


def _id_of(name: str, *, known: Iterable[str]) -> str:
    found = [one for one in known if one.removeprefix("sha256:").startswith(name.removeprefix("sha256:"))]
    if len(found) != 1:
        raise typer.BadParameter(f"`{name}` is the beginning of {len(found)} keys' ids", param_hint="--remove")
    return found[0]


def _by_role(named: list[str] | None) -> dict[Role, list[PublicKey]]:
    found: dict[Role, list[PublicKey]] = {}
    for one in named or []:
        role, file = _pair(one, option="--add")
        found.setdefault(role, []).append(read_public(Path(file)))
    return found


def _thresholds(named: list[str] | None) -> dict[Role, int]:
    found: dict[Role, int] = {}
    for one in named or []:
        role, number = _pair(one, option="--threshold")
        if not number.isascii() or not number.isdigit():
            raise typer.BadParameter(f"`{one}`: write `ROLE=NUMBER`", param_hint="--threshold")
        found[role] = int(number)
    return found


def _pair(text: str, *, option: str) -> tuple[Role, str]:
    name, equals, value = text.partition("=")
    if not equals or name not in set(Role):
        raise typer.BadParameter(f"`{text}`: begin with `root=`, `bundle=` or `freshness=`", param_hint=option)
    return Role(name), value


def _write(trust: Trust, out: Path) -> None:
    write_file(out, msgspec.json.format(msgspec.json.encode(trust.chain), indent=2) + b"\n")
    sys.stdout.write(f"`{out}`: version {trust.number}, {len(trust.document.keys)} keys\n")
