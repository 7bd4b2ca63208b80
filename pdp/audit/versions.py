"""Which version of its tables a log has, and whether this program can use it."""

from typing import Final

from sqlalchemy import Column, Connection, MetaData, String, Table, inspect, select

from pdp.audit.store import StoreUnavailableError
from pdp.core.contract.errors import UnusableError

HEAD: Final = "0005"
"""The revision of the tables that this program reads and writes; a test holds it equal to the migrations' head."""
OLDEST: Final = "0004"
"""The oldest revision that can be converted."""
VERSION_TABLE: Final = "log_version"
"""Not Alembic's own name, so that other stores may be in the same database."""

_VERSION: Final = Table(VERSION_TABLE, MetaData(), Column("version_num", String(32), primary_key=True))
_READ: Final = select(_VERSION.c.version_num)


def version_of(connection: Connection) -> str | None:
    """The revision of the log in the database of `connection`; None where there is none."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    return written_version(connection)


def written_version(connection: Connection) -> str | None:
    """As `version_of`, where there surely is a log."""
    return connection.execute(_READ).scalar()


def check_version(version: str | None, *, place: str, url: str | None = None) -> None:
    """Pass for a log that this program can use; `place` names it, `url` is what `--log-url` can be.

    Raises:
        UnusableError: it has an older version, a newer one, or is none.

    """
    if version == HEAD:
        return
    if version is None:
        text = f"there is no decision log at `{place}`: `toolgate serve` or `toolgate gateway` creates it"
        raise UnusableError(text)
    if not version.isdecimal():
        raise UnusableError(f"`{place}` is no decision log: name another one in `pdp.log.url`")
    text = f"`{place}` is a decision log of version {int(version)}, this program uses version {int(HEAD)}"
    if version < OLDEST:
        raise UnusableError(f"{text}: keep it for the program that wrote it and name another one in `pdp.log.url`")
    if version < HEAD:
        named = "" if url is None else f" --log-url {url}"
        raise UnusableError(f"{text}: `toolgate log migrate{named}` converts it")
    raise UnusableError(f"{text}: install a newer Toolgate, or name another log in `pdp.log.url`")


def check_unchanged(version: str | None) -> None:
    """Pass while the log of a running program has its version.

    Raises:
        StoreUnavailableError: another program changed it meanwhile.

    """
    if version != HEAD:
        number = int(version) if version is not None and version.isdecimal() else version
        text = f"the decision log has version {number} by now, this program uses version {int(HEAD)}"
        raise StoreUnavailableError(f"{text}: install the Toolgate that converted it")
