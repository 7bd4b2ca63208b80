"""Accounts in an SQL database: a file of SQLite's, or any other that SQLAlchemy reaches."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import (
    JSON,
    Column,
    Connection,
    Engine,
    Float,
    Integer,
    MetaData,
    String,
    Table,
    create_engine,
    delete,
    event,
    exc,
    insert,
    inspect,
    make_url,
    select,
    update,
)
from sqlalchemy.engine import URL

from pdp.core.contract.errors import UnusableError
from pdp.tokens.local.accounts.account import Account, AccountState, AccountsUnavailableError, CodePurpose

SCHEMA_VERSION: Final = 1
BUSY_SECONDS: Final = 5.0

_metadata: Final = MetaData()
_accounts: Final = Table(
    "toolgate_accounts",
    _metadata,
    Column("email", String(254), primary_key=True),
    Column("state", String(16), nullable=False),
    Column("password", String(512)),
    Column("version", Integer, nullable=False),
    Column("groups", JSON, nullable=False),
    Column("roles", JSON, nullable=False),
    Column("scopes", JSON, nullable=False),
)
_codes: Final = Table(
    "toolgate_account_codes",
    _metadata,
    Column("digest", String(64), primary_key=True),
    Column("email", String(254), nullable=False, index=True),
    Column("purpose", String(16), nullable=False),
    Column("expires_at", Float, nullable=False),
)
_schema: Final = Table("toolgate_accounts_schema", _metadata, Column("version", Integer, primary_key=True))


class SqlAccounts:
    """Implements `AccountStore` at `url`; a relative path of SQLite's is relative to `base`, a new file is 0600.

    Raises:
        UnusableError: it cannot be opened, or holds tables of another version.

    """

    def __init__(self, url: str, *, base: Path) -> None:
        try:
            self._engine = _open(url, base)
            with self._engine.begin() as connection:
                _create_or_check(connection)
        except (exc.SQLAlchemyError, OSError, ImportError) as error:
            raise UnusableError(f"the database of accounts cannot be opened: {_cause(error)}") from error

    def find(self, email: str) -> Account | None:
        """The account of `email`."""
        with self._transaction() as connection:
            return _find(connection, email)

    def all(self) -> Sequence[Account]:
        """Every account, by e-mail."""
        with self._transaction() as connection:
            return [_account(row) for row in connection.execute(select(_accounts).order_by(_accounts.c.email))]

    def invite(self, account: Account) -> Account:
        """Keep `account`, or give the one that is there."""
        with self._transaction() as connection:
            known = _find(connection, account.email)
            if known is None:
                connection.execute(insert(_accounts).values(**_row(account)))
            return known or account

    def set_state(self, email: str, *, state: AccountState) -> Account | None:
        """Change the state; the version goes up and codes end."""
        with self._transaction() as connection:
            changes = {"state": state.value, "version": _accounts.c.version + 1}
            connection.execute(update(_accounts).where(_accounts.c.email == email).values(**changes))
            connection.execute(delete(_codes).where(_codes.c.email == email))
            return _find(connection, email)

    def put_code(self, digest: str, *, email: str, purpose: CodePurpose, expires_at: float) -> None:
        """Keep a code; earlier ones of the account end."""
        with self._transaction() as connection:
            connection.execute(delete(_codes).where(_codes.c.email == email))
            row = {"digest": digest, "email": email, "purpose": purpose.value, "expires_at": expires_at}
            connection.execute(insert(_codes).values(**row))

    def holder(self, digest: str, *, now: float) -> Account | None:
        """Whose code it is."""
        with self._transaction() as connection:
            return _holder(connection, digest, now)

    def redeem(self, digest: str, *, password: str, now: float) -> Account | None:
        """Set the password hash of the code's holder, once."""
        with self._transaction() as connection:
            account = _holder(connection, digest, now)
            # INVARIANT: whoever deletes the row has the code; of two at once the other one deletes none.
            used = connection.execute(delete(_codes).where(_codes.c.digest == digest)).rowcount
            if account is None or not used:
                return None
            connection.execute(delete(_codes).where(_codes.c.email == account.email))
            return _set(connection, account, password)

    def set_password(self, email: str, *, password: str, version: int) -> Account | None:
        """Set the password hash of an active account that is still at `version`."""
        with self._transaction() as connection:
            account = _find(connection, email)
            if account is None or account.state is not AccountState.ACTIVE or account.version != version:
                return None
            connection.execute(delete(_codes).where(_codes.c.email == email))
            return _set(connection, account, password)

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        try:
            with self._engine.begin() as connection:
                yield connection
        except exc.SQLAlchemyError as error:
            # The cause may quote values; its type says enough.
            raise AccountsUnavailableError(f"the database of accounts: {type(error).__name__}") from error


def _open(url: str, base: Path) -> Engine:
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return create_engine(parsed, hide_parameters=True, pool_pre_ping=True)
    path = base / (parsed.database or "")
    if not parsed.database or parsed.database == ":memory:" or parsed.query:
        raise UnusableError("accounts need a file to be kept in: write `sqlite:///.toolgate/accounts.db`")
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    address = URL.create(parsed.drivername, database=str(path.absolute()))
    engine = create_engine(address, hide_parameters=True, connect_args={"timeout": BUSY_SECONDS})
    event.listen(engine, "connect", lambda connection, _: _prepare(connection))
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    return engine


def _prepare(connection: Any) -> None:
    connection.isolation_level = None  # the driver begins no transactions of its own
    connection.execute("PRAGMA journal_mode = WAL").fetchall()


def _create_or_check(connection: Connection) -> None:
    if not set(_metadata.tables) & set(inspect(connection).get_table_names()):
        _metadata.create_all(connection)
        connection.execute(insert(_schema).values(version=SCHEMA_VERSION))
    found = connection.execute(select(_schema.c.version)).scalars().all()
    if found != [SCHEMA_VERSION]:
        text = f"the database has accounts of version {found}, this program reads version {SCHEMA_VERSION}"
        raise UnusableError(f"{text}: keep it for the program that wrote it, and name another one")


def _find(connection: Connection, email: str) -> Account | None:
    row = connection.execute(select(_accounts).where(_accounts.c.email == email)).first()
    return None if row is None else _account(row)


def _holder(connection: Connection, digest: str, now: float) -> Account | None:
    row = connection.execute(select(_codes).where(_codes.c.digest == digest)).first()
    if row is None or row.expires_at <= now:
        return None
    account = _find(connection, row.email)
    fitting = {CodePurpose.INVITATION: AccountState.INVITED, CodePurpose.RESET: AccountState.ACTIVE}
    return account if account is not None and account.state is fitting[CodePurpose(row.purpose)] else None


def _set(connection: Connection, account: Account, password: str) -> Account | None:
    changes = {"password": password, "state": AccountState.ACTIVE.value, "version": account.version + 1}
    connection.execute(update(_accounts).where(_accounts.c.email == account.email).values(**changes))
    return _find(connection, account.email)


def _account(row: Any) -> Account:
    lists = {name: tuple(getattr(row, name)) for name in ("groups", "roles", "scopes")}
    return Account(row.email, AccountState(row.state), row.password, row.version, **lists)


def _row(account: Account) -> dict[str, Any]:
    lists = {name: list(getattr(account, name)) for name in ("groups", "roles", "scopes")}
    return {
        "email": account.email,
        "state": account.state.value,
        "password": account.password,
        "version": account.version,
        **lists,
    }


def _cause(error: Exception) -> str:
    return error.strerror or type(error).__name__ if isinstance(error, OSError) else type(error).__name__
