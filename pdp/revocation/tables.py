"""The tables of revocations, for any SQL database, and how rows become revocations."""

from typing import Any, Final

import msgspec
from sqlalchemy import BigInteger, Column, Integer, MetaData, String, Table, UniqueConstraint

from pdp.core.contract.revocation import Revocation

metadata: Final = MetaData()


def _columns() -> tuple[Column[Any], ...]:
    """What a revocation consists of."""
    return (
        Column("sequence", BigInteger, primary_key=True, autoincrement=False),
        Column("kind", String, nullable=False),
        Column("id", String, nullable=False),
        Column("reason", String, nullable=False),
        Column("by", String, nullable=False),
        Column("at", String, nullable=False),
        Column("until", String),
    )


counter: Final = Table(
    "counter",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("sequence", BigInteger, nullable=False, comment="the number of the newest change"),
)

revocations: Final = Table(
    "revocations",
    metadata,
    *_columns(),
    UniqueConstraint("kind", "id", name="revocations_name"),
)

changes: Final = Table(
    "changes",
    metadata,
    Column("change", String, nullable=False, comment="`revoke` or `lift`"),
    *_columns(),
)
"""What was done, for good: nothing is ever taken out of it."""


def revocation_of(row: Any) -> Revocation:
    """The revocation in `row`, a mapping with the columns of `revocations`."""
    return msgspec.convert({str(name): value for name, value in row.items()}, Revocation, strict=True)
