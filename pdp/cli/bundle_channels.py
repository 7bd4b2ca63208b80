"""`toolgate bundle`, the verbs about channels: what is in them, in and out of them, and that it is the newest."""

import json
import sys
import time
from pathlib import Path
from typing import Annotated, Final

import typer

from pdp.cli.bundle_files import (
    FileArgument,
    HeadOption,
    JsonOption,
    KeyOption,
    OutOption,
    PasswordOption,
    RememberOption,
    TrustOption,
    UnsignedOption,
    UserOption,
    as_json_of,
    read_package,
    read_trust,
    reader,
    signer,
    write_file,
    writer,
)
from pdp.cli.dev import seconds
from pdp.cli.terminal import visible
from pdp.core.bundle.admission import Newest, admit
from pdp.core.bundle.head import Package, checked_files
from pdp.core.contract.errors import BundleError, UnusableError
from pdp.core.contract.identifier import rfc3339
from pdp.lifecycle.channel import CANARY, CURRENT, ConflictError
from pdp.lifecycle.publish import Publisher
from pdp.lifecycle.remembered import Remembered
from pdp.lifecycle.source import SourceError
from pdp.server.clock import system_clock

channels: Final = typer.Typer()

ChannelArgument = Annotated[str, typer.Argument(help="The channel's URL.", metavar="CHANNEL")]


@channels.command(epilog="Example: toolgate bundle push policies.bundle file:/srv/bundles --trust trust.json")
def push(
    file: FileArgument,
    channel: ChannelArgument,
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
        admit(package.head, trust=root, newest=Newest(), now=system_clock().wall())
    package.files()
    target = writer(channel, user=user, password=password)
    target.publish(package.head, bytes(package.content), name=head)
    sys.stdout.write(f"`{head}` of `{target.name}` is serial {package.head.unverified().serial}\n")


@channels.command(epilog="Example: toolgate bundle pull oci://registry.example.com/policies --serial 7")
def pull(
    channel: ChannelArgument,
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


@channels.command(epilog="Example: toolgate bundle history file:/srv/bundles --limit 5")
def history(
    channel: ChannelArgument,
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
            sys.stdout.write(json.dumps(as_json_of(found, manifest)) + "\n")
            continue
        back = "" if manifest.rollback is None else f", goes back to {manifest.rollback}"
        origin = visible(manifest.origin or "of no repository")
        sys.stdout.write(f"{serial:>6}  {manifest.published}  {manifest.digest[:19]}  {origin}{back}\n")


@channels.command(epilog="Example: toolgate bundle refresh file:/srv/bundles --key fresh.pem --every 5m")
def refresh(
    channel: ChannelArgument,
    *,
    key: KeyOption = None,
    trust: TrustOption = None,
    every: Annotated[str | None, typer.Option(help="Again and again, until interrupted.", metavar="DURATION")] = None,
    remember: RememberOption = None,
    head: HeadOption = CURRENT,
    user: UserOption = None,
    password: PasswordOption = None,
) -> None:
    """Sign that what is published is still the newest, for decision points with `pdp.bundles.max_age`.

    With `--every`, what is wrong with the channel is told, and it is tried again.
    """
    publisher = Publisher(
        writer(channel, user=user, password=password),
        signer(key, trust, unsigned=None),
        clock=system_clock(),
        tell=lambda _step, _text: None,
        name=head,
        remembered=Remembered(remember),
    )
    if every is None:
        _renew(publisher)
        return
    pause = seconds(every, "--every")
    while True:
        try:
            _renew(publisher)
        except (SourceError, ConflictError, BundleError) as error:
            sys.stderr.write(f"not renewed: {visible(str(error))}\n")
        time.sleep(pause)


def _renew(publisher: Publisher) -> None:
    manifest = publisher.renew()
    sys.stdout.write(f"serial {manifest.serial} is the newest as of {rfc3339(publisher.clock.wall())}\n")
    sys.stdout.flush()
