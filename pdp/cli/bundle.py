"""`toolgate bundle`: bundles in files and channels, their signatures and keys."""

import json
import secrets
import sys
import time
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import typer

from pdp.cli import bundle_trust
from pdp.cli.bundle_channels import channels
from pdp.cli.bundle_files import (
    FileArgument,
    HeadOption,
    JsonOption,
    KeyOption,
    OutOption,
    PasswordOption,
    TrustOption,
    UserOption,
    as_json_of,
    is_channel,
    read_package,
    read_trust,
    reader,
    signer,
    write_file,
)
from pdp.cli.sources import ConfigOption, PoliciesOption, SchemasOption, directories
from pdp.cli.terminal import visible
from pdp.core.bundle.admission import Newest, admit
from pdp.core.bundle.bundle import build as build_bundle
from pdp.core.bundle.content import encode, part_of
from pdp.core.bundle.envelope import sealed
from pdp.core.bundle.head import Head, Package, checked_files
from pdp.core.bundle.key import SEED_BYTES, KeyPair
from pdp.core.bundle.manifest import MAX_SERIAL, PAYLOAD_TYPE, manifest_of
from pdp.core.contract.errors import BundleError, UnusableError
from pdp.core.contract.identifier import rfc3339
from pdp.lifecycle.channel import CURRENT
from pdp.tokens.secret_file import obtain_secret

app: Final = typer.Typer(
    name="bundle",
    help="Build, sign, verify, push, pull and show bundles; make keys for them.",
    epilog="Example: toolgate bundle build -o policies.bundle",
    no_args_is_help=True,
)
app.add_typer(bundle_trust.app)
app.add_typer(channels)

# Answers of a bundle that is only compiled are never kept, so their age has no meaning.
_MAX_AGE: Final = 1.0

PlaceArgument = Annotated[str, typer.Argument(help="A file, or a channel's URL.", metavar="PLACE")]


@app.command(epilog="Example: toolgate bundle keygen keys/bundle.pem")
def keygen(file: Annotated[Path, typer.Argument(help="Where the private key goes.", metavar="FILE")]) -> None:
    """Make an Ed25519 key; its public part goes beside it, with the ending `.pub`."""
    if file.exists():
        raise UnusableError(f"`{file}` is there already: nobody overwrites a key")
    key = KeyPair.from_seed(secrets.token_bytes(SEED_BYTES))
    obtain_secret(file, key.to_pem)
    public = file.with_suffix(".pub")
    write_file(public, key.public.to_pem())
    sys.stdout.write(f"{key.public.id}\n  private: `{file}`, keep it secret\n  public:  `{public}`\n")


@app.command(epilog="Example: toolgate bundle build --policies policies --schemas schemas -o policies.bundle")
def build(
    *,
    out: OutOption = Path("policies.bundle"),
    config: ConfigOption = None,
    policies: PoliciesOption = None,
    schemas: SchemasOption = None,
) -> None:
    """Compile policies and catalog and put them into one file; the same files have the same digest anywhere."""
    files = directories(config=config, policies=policies, schemas=schemas).source().fetch()
    build_bundle(files, max_age=_MAX_AGE)
    manifest = manifest_of(files, serial=1)
    write_file(out, Package.of(Head(sealed(PAYLOAD_TYPE, manifest.to_json())), encode(files)).to_json())
    sys.stdout.write(f"{manifest.digest}  {len(files)} files in `{out}`\n")


@app.command(epilog="Example: toolgate bundle sign policies.bundle --serial 8 --key keys/bundle.pem --trust trust.json")
def sign(
    file: FileArgument,
    *,
    serial: Annotated[int, typer.Option(min=1, max=MAX_SERIAL, help="The number it is published under.")],
    key: KeyOption = None,
    trust: TrustOption = None,
) -> None:
    """Give a bundle its serial and sign it; `toolgate publish` does this by itself."""
    package = read_package(file)
    now, who = _now(), signer(key, trust, unsigned=None)
    before = package.head.unverified()
    manifest = msgspec.structs.replace(before, serial=serial, published=rfc3339(now))
    manifest.check(package.files(), digest=before.digest)
    head = who.head(manifest, now=now)
    write_file(file, Package.of(head, bytes(package.content)).to_json())
    sys.stdout.write(f"{manifest.digest}  serial {serial}, {len(head.manifest.signatures)} signatures in `{file}`\n")


@app.command(epilog="Example: toolgate bundle verify policies.bundle --trust trust.json")
def verify(
    place: PlaceArgument,
    *,
    trust: Annotated[Path, typer.Option("--trust", help="The root of trust.", metavar="FILE")],
    head: HeadOption = CURRENT,
    user: UserOption = None,
    password: PasswordOption = None,
) -> None:
    """Check signatures, freshness and every file of a bundle; exit 1 where it must not be believed."""
    root = read_trust(trust)
    if root is None:
        raise UnusableError("name a root of trust")
    try:
        found, content = _at(place, head, user=user, password=password)
        admitted = admit(found, trust=root, newest=Newest(), now=_now())
        files = checked_files(admitted.manifest, content)
    except BundleError as error:
        sys.stdout.write(f"not to be believed: {visible(error.detail)}\n")
        raise typer.Exit(1) from error
    fresh = "nobody says that it is the newest"
    if admitted.fresh_at is not None:
        fresh = f"the newest as of {rfc3339(admitted.fresh_at)}"
    serial = admitted.manifest.serial
    sys.stdout.write(f"good: serial {serial}, {len(files)} files, trust {admitted.trust.number}, {fresh}\n")


@app.command(epilog="Example: toolgate bundle show file:/srv/bundles --json")
def show(
    place: PlaceArgument,
    *,
    head: HeadOption = CURRENT,
    as_json: JsonOption = False,
    user: UserOption = None,
    password: PasswordOption = None,
) -> None:
    """Show what a bundle says of itself; nothing of it is checked but that its files are those it names."""
    found, content = _at(place, head, user=user, password=password)
    manifest = found.unverified()
    checked_files(manifest, content)
    if as_json:
        sys.stdout.write(json.dumps(as_json_of(found, manifest), indent=2) + "\n")
        return
    facts: dict[str, Any] = {
        "digest": manifest.digest,
        "serial": manifest.serial,
        "published": manifest.published or "not published",
        "from": manifest.origin or "not said",
        "goes back to": manifest.rollback,
        "signed by": ", ".join(one.keyid for one in found.manifest.signatures) or "nobody",
        "trust": len(found.trust),
    }
    sys.stdout.writelines(f"{name}: {visible(str(value))}\n" for name, value in facts.items() if value is not None)
    for path, digest in manifest.parts.items():
        sys.stdout.write(f"  {visible(digest[:19])}  {part_of(path) or 'unknown':<10} {visible(path)}\n")


def _at(place: str, head: str, *, user: str | None, password: Path | None) -> tuple[Head, bytes]:
    if not is_channel(place):
        package = read_package(Path(place))
        return package.head, bytes(package.content)
    source = reader(place, user=user, password=password)
    found = source.head(head)
    if found is None:
        raise UnusableError(f"`{source.name}` has nothing under `{head}`")
    return found, source.content(found.unverified().digest)


def _now() -> float:
    return time.time()  # noqa: TID251 - the edge
