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
from pdp.cli.bundle_files import (
    JsonOption,
    KeyOption,
    PasswordOption,
    TrustOption,
    UnsignedOption,
    UserOption,
    is_channel,
    read_package,
    read_trust,
    reader,
    signer,
    write_file,
    writer,
)
from pdp.cli.dev import seconds
from pdp.cli.sources import ConfigOption, PoliciesOption, SchemasOption, directories
from pdp.cli.terminal import visible
from pdp.core.bundle.admission import Newest, admit
from pdp.core.bundle.bundle import build as build_bundle
from pdp.core.bundle.content import encode, part_of
from pdp.core.bundle.envelope import sealed
from pdp.core.bundle.head import Head, Package, checked_files
from pdp.core.bundle.key import SEED_BYTES, KeyPair
from pdp.core.bundle.manifest import MAX_SERIAL, PAYLOAD_TYPE, Manifest, manifest_of
from pdp.core.contract.digest import digest_of
from pdp.core.contract.errors import BundleError, UnusableError
from pdp.core.contract.identifier import rfc3339
from pdp.lifecycle.channel import CANARY, CURRENT, Channel, ConflictError
from pdp.lifecycle.channel_source import NothingPublishedError
from pdp.lifecycle.signing import Signer
from pdp.lifecycle.source import SourceError
from pdp.tokens.secret_file import obtain_secret

app: Final = typer.Typer(
    name="bundle",
    help="Build, sign, verify, push, pull and show bundles; make keys for them.",
    epilog="Example: toolgate bundle build -o policies.bundle",
    no_args_is_help=True,
)
app.add_typer(bundle_trust.app)

# Answers of a bundle that is only compiled are never kept, so their age has no meaning.
_MAX_AGE: Final = 1.0

FileArgument = Annotated[Path, typer.Argument(help="A bundle in one file.", metavar="FILE")]
PlaceArgument = Annotated[str, typer.Argument(help="A file, or a channel's URL.", metavar="PLACE")]
OutOption = Annotated[Path, typer.Option("--out", "-o", help="Where to write it.", metavar="FILE")]
HeadOption = Annotated[str, typer.Option("--head", help="Which head: `current` or `canary`.", metavar="NAME")]


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


@app.command(epilog="Example: toolgate bundle push policies.bundle file:/srv/bundles --trust trust.json")
def push(
    file: FileArgument,
    channel: Annotated[str, typer.Argument(help="The channel's URL.", metavar="CHANNEL")],
    *,
    trust: TrustOption = None,
    unsafe_unsigned: UnsignedOption = False,
    head: HeadOption = CURRENT,
    user: UserOption = None,
    password: PasswordOption = None,
) -> None:
    """Put a signed bundle into a channel; `toolgate publish` builds, tests, signs and pushes in one."""
    package, root = read_package(file), read_trust(trust)
    if (root is None) != bool(unsafe_unsigned):
        raise typer.BadParameter("name the root of trust with `--trust`, or say `--unsafe-unsigned`")
    if root is not None:
        admit(package.head, trust=root, newest=Newest(), now=_now())
    package.files()
    target = writer(channel, user=user, password=password)
    target.publish(package.head, bytes(package.content), name=head)
    sys.stdout.write(f"`{head}` of `{target.name}` is serial {package.head.unverified().serial}\n")


@app.command(epilog="Example: toolgate bundle pull oci://registry.example.com/policies --serial 7 -o policies.bundle")
def pull(
    channel: Annotated[str, typer.Argument(help="The channel's URL.", metavar="CHANNEL")],
    *,
    out: OutOption = Path("policies.bundle"),
    serial: Annotated[int | None, typer.Option(help="What was published under this number.")] = None,
    head: HeadOption = CURRENT,
    into: Annotated[Path | None, typer.Option(help="Write the files there, too.", metavar="FOLDER")] = None,
    user: UserOption = None,
    password: PasswordOption = None,
) -> None:
    """Take a bundle from a channel into one file; whether to believe it says `toolgate bundle verify`."""
    source = reader(channel, user=user, password=password)
    found = source.head(head) if serial is None else source.of_serial(serial)
    if found is None:
        raise UnusableError(f"`{source.name}` has nothing under {f'`{head}`' if serial is None else serial}")
    manifest = found.unverified()
    content = source.content(manifest.digest)
    files = checked_files(manifest, content)
    write_file(out, Package.of(found, content).to_json())
    if into is not None:
        for path, raw in files.items():
            write_file(into / path, raw)
    sys.stdout.write(f"{manifest.digest}  serial {manifest.serial}, {len(files)} files in `{out}`\n")


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
        sys.stdout.write(json.dumps(_as_json(found, manifest), indent=2) + "\n")
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


@app.command(epilog="Example: toolgate bundle history file:/srv/bundles --limit 5")
def history(
    channel: Annotated[str, typer.Argument(help="The channel's URL.", metavar="CHANNEL")],
    *,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the newest.")] = 20,
    as_json: JsonOption = False,
    user: UserOption = None,
    password: PasswordOption = None,
) -> None:
    """List what was published, the newest first; who signed it is not checked."""
    source = reader(channel, user=user, password=password)
    newest = max((found.unverified().serial for found in map(source.head, (CURRENT, CANARY)) if found), default=0)
    for serial in range(newest, max(0, newest - limit), -1):
        found = source.of_serial(serial)
        if found is None:
            continue
        manifest = found.unverified()
        if as_json:
            sys.stdout.write(json.dumps(_as_json(found, manifest)) + "\n")
            continue
        back = "" if manifest.rollback is None else f", goes back to {manifest.rollback}"
        origin = visible(manifest.origin or "of no repository")
        sys.stdout.write(f"{serial:>6}  {manifest.published}  {manifest.digest[:19]}  {origin}{back}\n")


@app.command(epilog="Example: toolgate bundle refresh file:/srv/bundles --key fresh.pem --trust trust.json --every 5m")
def refresh(
    channel: Annotated[str, typer.Argument(help="The channel's URL.", metavar="CHANNEL")],
    *,
    key: KeyOption = None,
    trust: TrustOption = None,
    every: Annotated[str | None, typer.Option(help="Again and again, until interrupted.", metavar="DURATION")] = None,
    head: HeadOption = CURRENT,
    user: UserOption = None,
    password: PasswordOption = None,
) -> None:
    """Sign that what is published is still the newest, for decision points with `pdp.bundles.max_age`.

    With `--every`, a channel that cannot be used now is told and tried again.
    """
    target, who = writer(channel, user=user, password=password), signer(key, trust, unsigned=None)
    if every is None:
        _renew(target, who, head)
        return
    pause = seconds(every, "--every")
    while True:
        try:
            _renew(target, who, head)
        except (SourceError, ConflictError) as error:
            sys.stderr.write(f"not renewed: {visible(str(error))}\n")
        time.sleep(pause)


def _renew(target: Channel, who: Signer, name: str) -> None:
    found = target.head(name)
    if found is None:
        raise NothingPublishedError(f"`{target.name}` has nothing under `{name}`: see `toolgate publish`")
    known = who.known(found)
    manifest, now = known.check(found), _now()
    target.renew(known.renewed(found, now=now), name=name)
    sys.stdout.write(f"serial {manifest.serial} is the newest as of {rfc3339(now)}\n")
    sys.stdout.flush()


def _at(place: str, head: str, *, user: str | None, password: Path | None) -> tuple[Head, bytes]:
    if not is_channel(place):
        package = read_package(Path(place))
        return package.head, bytes(package.content)
    source = reader(place, user=user, password=password)
    found = source.head(head)
    if found is None:
        raise UnusableError(f"`{source.name}` has nothing under `{head}`")
    return found, source.content(found.unverified().digest)


def _as_json(head: Head, manifest: Manifest) -> dict[str, Any]:
    return {
        **msgspec.to_builtins(manifest),
        "signatures": [one.keyid for one in head.manifest.signatures],
        "trust": len(head.trust),
        "head": digest_of(head.to_json()),
    }


def _now() -> float:
    return time.time()  # noqa: TID251 - the edge
