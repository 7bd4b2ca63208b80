"""Alembic's environment: a connection that is in a transaction already, which holds all of an upgrade."""

from alembic import context

from pdp.audit.versions import VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    version_table=VERSION_TABLE,
    transactional_ddl=True,
)
context.run_migrations()
