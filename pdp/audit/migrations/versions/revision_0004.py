"""The tables of version 4: one for each kind of record, a column for each member."""

from typing import Final

from alembic import op

from pdp.audit.migrations.version_4 import metadata

revision: Final = "0004"
down_revision: Final = None


def upgrade() -> None:
    """Make them; no log of that version was ever on MariaDB, which could not have these columns."""
    if op.get_bind().dialect.name in {"sqlite", "postgresql"}:
        metadata.create_all(op.get_bind())
