"""Where a store is: an SQLite file or a database of a server, from a URL; passwords are never shown."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import URL, exc, make_url

_SQLITE: Final = "sqlite:///"
_DRIVERS: Final = {
    "postgresql": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
    "mariadb": "mariadb+pymysql",
    "mariadb+pymysql": "mariadb+pymysql",
}
_HOST: Final = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class FileAddress:
    """An SQLite file."""

    path: Path

    @property
    def shown(self) -> str:
        """What messages call it."""
        return str(self.path)

    @property
    def url(self) -> str:
        """A URL of it to be shown."""
        return f"{_SQLITE}{self.path}"


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """A database of a PostgreSQL or MariaDB server."""

    _url: URL

    @property
    def is_postgresql(self) -> bool:
        """Whether it is PostgreSQL, else it is MariaDB."""
        return self._url.get_backend_name() == "postgresql"

    @property
    def shown(self) -> str:
        """What messages call it: no password, and none of the options, which may have one too."""
        url = self._url
        named = URL.create(url.get_backend_name(), url.username, None, url.host, url.port, url.database)
        return named.render_as_string()

    def secret(self) -> URL:
        """The URL for the driver, with the password; to be given to nothing else."""
        return self._url

    def __repr__(self) -> str:
        return f"ServerAddress({self.shown!r})"


def address_of(url: str, *, base: Path) -> FileAddress | ServerAddress | None:
    """The address that `url` is; a relative path in it is relative to `base`. None for any other text."""
    path = url.removeprefix(_SQLITE)
    if path != url:
        is_file = path and path != ":memory:" and "?" not in path and "\0" not in path
        return FileAddress(base / path) if is_file else None
    try:
        parsed = make_url(url)
    except (exc.ArgumentError, ValueError):
        return None
    driver = _DRIVERS.get(parsed.drivername)
    if driver is None or not parsed.database:
        return None
    # Without a host drivers would look for a socket, each in another place.
    host = parsed.host or (None if "host" in parsed.query else _HOST)
    return ServerAddress(parsed.set(drivername=driver, host=host))


def without_secrets(url: str) -> str:
    """`url` to be shown where it is no address: nothing of it that may be a password."""
    return url if not set("@?") & set(url) else f"{url.partition(':')[0]}:..."
