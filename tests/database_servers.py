"""Real PostgreSQL and MariaDB servers for tests: on free ports of 127.0.0.1, their data in temporary folders."""

import contextlib
import itertools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psycopg
import pymysql

ROOT = Path(__file__).resolve().parent.parent
INSTALL = "apt-get update, then make setup"
PASSWORD = "p@ss/w:rd?%"
QUOTED_PASSWORD = "p%40ss%2Fw%3Ard%3F%25"

_DEADLINE = 60.0
_LOOK = 0.05


def postgresql_programs() -> Path | None:
    """The folder with PostgreSQL's programs: the machine's own, or what `make setup` extracted."""
    return _newest("usr/lib/postgresql/*/bin/postgres", ROOT / ".postgresql")


def mariadb_programs() -> Path | None:
    """The folder with MariaDB's server: the machine's own, or what `make setup` extracted."""
    return _newest("usr/sbin/mariadbd", ROOT / ".mariadb-server-core")


def _newest(pattern: str, extracted: Path) -> Path | None:
    found = [*sorted(Path("/").glob(pattern)), *sorted(extracted.glob(pattern))]
    return found[-1].parent if found else None


class Server:
    """A server that can be stopped and started again."""

    scheme: str
    ends_by = signal.SIGTERM

    def __init__(self, programs: Path) -> None:
        self.programs = programs
        self.folder = Path(tempfile.mkdtemp(prefix="toolgate-db-"))
        self.folder.chmod(0o755)
        self.port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._names = itertools.count(1)

    def url(self, database: str, *, password: str = QUOTED_PASSWORD) -> str:
        return f"{self.scheme}://toolgate:{password}@127.0.0.1:{self.port}/{database}"

    def database(self) -> str:
        """A new database; its URL."""
        name = f"test_{next(self._names)}"
        self.execute(f"CREATE DATABASE {name}")
        return self.url(name)

    def execute(self, sql: str, *, database: str | None = None) -> list[Any]:
        """What the administrator gets for `sql`."""
        raise NotImplementedError

    def command(self) -> list[str]:
        raise NotImplementedError

    def start(self) -> None:
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                self.command(), stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=self.environment(), **as_whom()
            )
        deadline = time.monotonic() + _DEADLINE
        while True:
            try:
                self.execute("SELECT 1")
            except (psycopg.Error, pymysql.Error, OSError):
                is_over = time.monotonic() > deadline or self._process.poll() is not None
                assert not is_over, (self.folder / "server.log").read_text(errors="replace")[-3000:]
                time.sleep(_LOOK)
            else:
                return

    def stop(self, how: signal.Signals | None = None) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(how or self.ends_by)
            try:
                process.wait(_DEADLINE)
            finally:
                process.kill()
                process.wait()

    def pause(self) -> None:
        """Answer nothing any more, without closing anything."""
        assert self._process is not None
        for one in _family(self._process.pid):
            os.kill(one, signal.SIGSTOP)

    def resume(self) -> None:
        assert self._process is not None
        for one in _family(self._process.pid):
            os.kill(one, signal.SIGCONT)

    def environment(self) -> Mapping[str, str]:
        inherited = {"PATH": os.environ["PATH"], "LC_ALL": "C", "TZ": "UTC"}  # noqa: TID251 - for children
        libraries = sorted({str(path.parent) for path in _libraries(self.programs)})
        return inherited | ({"LD_LIBRARY_PATH": ":".join(libraries)} if libraries else {})

    def close(self) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


class PostgresServer(Server):
    scheme = "postgresql"
    ends_by = signal.SIGINT  # without waiting for clients

    def __init__(self, programs: Path) -> None:
        super().__init__(programs)
        secret = self.folder / "password"
        secret.write_text(PASSWORD)
        data = self.folder / "data"
        data.mkdir(mode=0o700)
        _give(self.folder)
        options = ["--username=toolgate", "--auth=scram-sha-256", f"--pwfile={secret}", "--encoding=UTF8"]
        subprocess.run(
            [programs / "initdb", f"--pgdata={data}", "--no-locale", "--no-sync", *options],
            check=True,
            capture_output=True,
            env=self.environment(),
            cwd=self.folder,
            **as_whom(),
        )
        with (data / "postgresql.conf").open("a") as config:
            config.write(
                f"port = {self.port}\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = ''\n"
                "fsync = off\nmax_connections = 40\nshared_buffers = 32MB\nlog_min_messages = fatal\n"
            )
        self.start()

    def command(self) -> list[str]:
        return [str(self.programs / "postgres"), "-D", str(self.folder / "data")]

    def execute(self, sql: str, *, database: str | None = None) -> list[Any]:
        connection = psycopg.connect(
            host="127.0.0.1",
            port=self.port,
            user="toolgate",
            password=PASSWORD,
            dbname=database or "postgres",
            autocommit=True,
            connect_timeout=10,
        )
        with connection, connection.cursor() as cursor:
            cursor.execute(sql.encode())
            return [] if cursor.description is None else cursor.fetchall()


class MariadbServer(Server):
    scheme = "mariadb"

    def __init__(self, programs: Path) -> None:
        super().__init__(programs)
        (self.folder / "data").mkdir(mode=0o700)
        (self.folder / "tmp").mkdir(mode=0o700)
        _give(self.folder)
        share = programs.parent / "share/mysql"
        scripts = ("mysql_system_tables.sql", "mysql_performance_tables.sql", "mysql_system_tables_data.sql")
        made = "CREATE DATABASE mysql;\nUSE mysql;\n" + "".join((share / name).read_text() for name in scripts)
        user = f"'toolgate'@'%' IDENTIFIED BY '{PASSWORD}' WITH GRANT OPTION"
        made += f"FLUSH PRIVILEGES;\nGRANT ALL PRIVILEGES ON *.* TO {user};\n"
        ended = subprocess.run(
            [*self.command(), "--bootstrap", "--skip-networking"],
            input=made.encode(),
            check=False,
            capture_output=True,
            env=self.environment(),
            **as_whom(),
        )
        assert ended.returncode == 0, ended.stderr.decode(errors="replace")[-3000:]
        self.start()

    def command(self) -> list[str]:
        share = self.programs.parent / "share/mysql"
        return [
            str(self.programs / "mariadbd"),
            "--no-defaults",
            f"--basedir={self.programs.parent}",
            f"--datadir={self.folder / 'data'}",
            # A server that starts removes what looks like temporary tables there, whosever they are.
            f"--tmpdir={self.folder / 'tmp'}",
            f"--lc-messages-dir={share}",
            f"--socket={self.folder / 'socket'}",
            f"--pid-file={self.folder / 'pid'}",
            f"--port={self.port}",
            "--bind-address=127.0.0.1",
            "--skip-name-resolve",
            # The kernel has only so much of it, which many servers of many tests would share.
            "--innodb-use-native-aio=0",
            "--innodb-buffer-pool-size=32M",
            "--innodb-log-file-size=16M",
            "--max-allowed-packet=64M",
        ]

    def execute(self, sql: str, *, database: str | None = None) -> list[Any]:
        options: dict[str, Any] = {"host": "127.0.0.1", "port": self.port, "user": "toolgate", "password": PASSWORD}
        connection = pymysql.connect(database=database, autocommit=True, connect_timeout=10, **options)
        with contextlib.closing(connection), connection.cursor() as cursor:
            cursor.execute(sql)
            return list(cursor.fetchall())


@contextlib.contextmanager
def running(server: Server) -> Iterator[Server]:
    """`server` for the block."""
    with contextlib.closing(server):
        yield server


def as_whom() -> dict[str, Any]:
    """Whose processes they are: PostgreSQL refuses to be root's."""
    return {"user": "nobody", "group": _nobody()[1], "extra_groups": []} if os.geteuid() == 0 else {}


def _nobody() -> tuple[int, int]:
    entry = pwd.getpwnam("nobody")
    return entry.pw_uid, entry.pw_gid


def _give(folder: Path) -> None:
    if os.geteuid() == 0:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, *_nobody())


def _libraries(programs: Path) -> Iterator[Path]:
    for extracted in (ROOT / ".postgresql", ROOT / ".mariadb-server-core"):
        if programs.is_relative_to(extracted):
            yield from extracted.glob("usr/lib/*-linux-*/*.so*")


def _family(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *map(int, children)]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
