"""Engines for databases of servers, in which nothing waits for ever."""

from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final

import msgspec
from sqlalchemy import Engine, QueuePool, create_engine, event

from pdp.core.contract.errors import UnusableError
from pdp.core.contract.exact_json import canonical
from pdp.database.address import ServerAddress

_GRACE_SECONDS: Final = 1.0
"""How much longer than its server a client waits, so that it is the server that says what it waited for."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long to wait, in seconds: for a connection, for a lock that another holds, for a statement."""

    connect: float = 5.0
    lock: float = 5.0
    statement: float = 30.0


def open_server_engine(address: ServerAddress, timeouts: Timeouts, *, used_by: str) -> Engine:
    """An engine with one connection to `address`, made when it is used first; `used_by` names who needs it.

    Raises:
        UnusableError: the driver is not installed.

    """
    extra, module = ("postgres", "psycopg") if address.is_postgresql else ("mariadb", "pymysql")
    try:
        import_module(module)
    except ImportError as error:
        text = f"{used_by} needs `{module}`, which an extra brings: pip install 'toolgate[{extra}]'"
        raise UnusableError(text) from error
    return _postgresql(address, timeouts) if address.is_postgresql else _mariadb(address, timeouts)


def _postgresql(address: ServerAddress, timeouts: Timeouts) -> Engine:
    bounded = import_module("pdp.database.bounded_psycopg").BoundedConnection
    engine = _engine(address, isolation_level="READ COMMITTED")

    def connect(dialect: Any, record: Any, arguments: Any, options: dict[str, Any]) -> Any:  # noqa: ARG001 - the event's
        settings = (
            f"-c lock_timeout={_milliseconds(timeouts.lock)} -c statement_timeout={_milliseconds(timeouts.statement)}"
        )
        options.setdefault("connect_timeout", max(2, round(timeouts.connect)))
        options.setdefault("application_name", "toolgate")
        options["options"] = f"{options.get('options', '')} {settings}".strip()
        connection = bounded.connect(*arguments, **options)
        connection.longest_wait = timeouts.statement + _GRACE_SECONDS
        return connection

    def insist(connection: Any, record: Any) -> None:  # noqa: ARG001 - the event's
        # A commit that does not wait for the disk would be none.
        with connection.cursor() as cursor:
            where = "current_setting('synchronous_commit') = 'off'"
            cursor.execute(f"SELECT set_config('synchronous_commit', 'on', false) WHERE {where}")
        connection.commit()

    event.listen(engine, "do_connect", connect)
    event.listen(engine, "connect", insist)
    return engine


def _mariadb(address: ServerAddress, timeouts: Timeouts) -> Engine:
    return _engine(
        address,
        isolation_level="READ COMMITTED",
        connect_args={
            "charset": "utf8mb4",
            "connect_timeout": max(1, round(timeouts.connect)),
            "read_timeout": timeouts.statement + _GRACE_SECONDS,
            "write_timeout": timeouts.statement + _GRACE_SECONDS,
            "init_command": (
                f"SET SESSION innodb_lock_wait_timeout={max(1, round(timeouts.lock))},"
                f" lock_wait_timeout={max(1, round(timeouts.lock))}, max_statement_time={timeouts.statement},"
                " sql_mode='STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'"
            ),
        },
    )


def _engine(address: ServerAddress, **options: Any) -> Engine:
    return create_engine(
        address.secret(),
        poolclass=QueuePool,
        pool_size=1,
        max_overflow=0,
        hide_parameters=True,
        json_serializer=lambda value: canonical(value).decode(),
        json_deserializer=msgspec.json.decode,
        **options,
    )


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))
