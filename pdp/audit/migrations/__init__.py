"""How the tables of the decision log came to be: Alembic's environment, one module a revision."""
