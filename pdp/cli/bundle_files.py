"""Files and channels that the verbs about bundles take: packages, keys, roots of trust."""

from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import typer
from pydantic import ValidationError

from pdp.bootstrap.channels import open_channel, open_writable_channel
from pdp.core.bundle.envelope import Envelope
from pdp.core.bundle.head import Head, Package
from pdp.core.bundle.key import KeyPair, PublicKey
from pdp.core.bundle.manifest import Manifest
from pdp.core.bundle.trust import Trust, trust_along
from pdp.core.contract.digest import digest_of
from pdp.core.contract.errors import UnusableError
from pdp.core.settings.bundles import ChannelSettings
from pdp.hosting.whole_file import write_whole
from pdp.lifecycle.channel import Channel, ChannelReader
from pdp.lifecycle.signing import Signer
from pdp.tokens.secret_file import read_secret

HERE: Final = Path()
_MAX_SMALL: Final = 4 * 1024 * 1024

KeyOption = Annotated[
    list[Path] | None, typer.Option("--key", help="A private key to sign with; may be repeated.", metavar="FILE")
]
TrustOption = Annotated[Path | None, typer.Option("--trust", help="The root of trust.", metavar="FILE")]
UnsignedOption = Annotated[
    bool, typer.Option("--unsafe-unsigned", help="Without signatures: whoever can write there is believed.")
]
UserOption = Annotated[str | None, typer.Option("--user", help="The name to log in with.", metavar="NAME")]
PasswordOption = Annotated[
    Path | None, typer.Option("--password", help="The file with the password or token.", metavar="FILE")
]
FileArgument = Annotated[Path, typer.Argument(help="A bundle in one file.", metavar="FILE")]
OutOption = Annotated[Path, typer.Option("--out", "-o", help="Where to write it.", metavar="FILE")]
HeadOption = Annotated[str, typer.Option("--head", help="Which head: `current` or `canary`.", metavar="NAME")]
RememberOption = Annotated[
    Path | None,
    typer.Option(help="Remember there what was signed; nothing older is said to be the newest.", metavar="FILE"),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def channel_settings(url: str, *, user: str | None, password: Path | None) -> ChannelSettings:
    """The settings of the channel at `url`.

    Raises:
        BadParameter: it is none.

    """
    try:
        return ChannelSettings(url=url, user=user, password=password)
    except ValidationError as error:
        raise typer.BadParameter(f"`{url}`: {error.errors()[0]['msg']}") from error


def reader(url: str, *, user: str | None, password: Path | None) -> ChannelReader:
    """The channel at `url`; paths are relative to the folder we are in."""
    settings = channel_settings(url, user=user, password=password)
    return open_channel(settings, base=HERE, setting=url)


def writer(url: str, *, user: str | None, password: Path | None) -> Channel:
    """The channel at `url`, for publishing."""
    settings = channel_settings(url, user=user, password=password)
    return open_writable_channel(settings, base=HERE, setting=url)


def is_channel(place: str) -> bool:
    """Whether `place` is written as a channel's URL rather than as a file's path."""
    return place.startswith(("file:", "oci:", "oci+http:", "https:", "http:"))


def read_package(path: Path) -> Package:
    """The bundle in the file at `path`.

    Raises:
        UnusableError: it cannot be read.
        BundleError: it holds none.

    """
    return Package.from_json(_read(path))


def read_trust(path: Path | None) -> Trust | None:
    """The newest root of trust in the file at `path`, which has all versions from the first on.

    Raises:
        UnusableError: it cannot be read, or holds none.
        BundleError: it must not be believed.

    """
    if path is None:
        return None
    try:
        return trust_along(msgspec.json.decode(_read(path), type=tuple[Envelope, ...]))
    except msgspec.MsgspecError as error:
        raise UnusableError(f"`{path}` holds no root of trust: see `toolgate bundle trust --help`") from error


def read_keys(paths: list[Path] | None) -> list[KeyPair]:
    """The private keys in the files at `paths`, which nobody else may read.

    Raises:
        UnusableError: one is missing, readable by others, or holds no key.

    """
    keys = []
    for path in paths or []:
        try:
            keys.append(KeyPair.from_pem(read_secret(path)))
        except FileNotFoundError as error:
            raise UnusableError(f"there is no key `{path}`: see `toolgate bundle keygen {path}`") from error
        except UnusableError as error:
            raise UnusableError(f"`{path}`: {error}") from error
    return keys


def read_public(path: Path) -> PublicKey:
    """The public key in the file at `path`; a private key's file has one, too.

    Raises:
        UnusableError: it cannot be read, or holds none.

    """
    pem = _read(path)
    try:
        return KeyPair.from_pem(pem).public if b"PRIVATE KEY" in pem else PublicKey.from_pem(pem)
    except UnusableError as error:
        raise UnusableError(f"`{path}`: {error}") from error


def signer(keys: list[Path] | None, trust: Path | None, *, unsigned: object) -> Signer:
    """Who signs, by what the options say.

    Raises:
        BadParameter: neither that something nor that nothing is signed.
        UnusableError: a file cannot be used.

    """
    if unsigned:
        if keys or trust is not None:
            raise typer.BadParameter("`--unsafe-unsigned` goes without `--key` and `--trust`")
        return Signer((), None)
    if trust is None or not keys:
        raise typer.BadParameter(
            "name the root of trust with `--trust` and the keys with `--key`: `toolgate bundle keygen`, "
            "`toolgate bundle trust init`"
        )
    return Signer(read_keys(keys), read_trust(trust))


def write_file(path: Path, content: bytes) -> None:
    """Put `content` at `path`, whole.

    Raises:
        UnusableError: it cannot be written.

    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, content)
        path.chmod(0o644)
    except OSError as error:
        raise UnusableError(f"`{path}` cannot be written: {error.strerror}") from error


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UnusableError(f"`{path}` cannot be read: {error.strerror}") from error


def as_json_of(head: Head, manifest: Manifest) -> dict[str, Any]:
    """What a head says, for programs."""
    return {
        **msgspec.to_builtins(manifest),
        "signatures": [one.keyid for one in head.manifest.signatures],
        "trust": len(head.trust),
        "head": digest_of(head.to_json()),
    }
