"""Alembic's entry: runs the steps on the connection, and in the transaction, that `database` hands it."""

from alembic import context

from ringfence.registry.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite alters a table by making it anew
)
with context.begin_transaction():
    context.run_migrations()
