"""Trace requests between carriers, and what was said about them."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the two tables."""
    op.create_table(
        "trace_request",
        sa.Column("id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("direction", sa.String(3), nullable=False),
        sa.Column("peer", sa.String(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("node", sa.String(64), nullable=False),
        sa.Column("record", NUMBER, nullable=False),
        sa.Column("made_at", NUMBER, nullable=False),
        sa.Column("due_at", NUMBER, nullable=True),
        sa.Column("ended_at", NUMBER, nullable=True),
        sa.Column("asked", sa.LargeBinary, nullable=False),
        sa.Column("answered", sa.LargeBinary, nullable=True),
        sa.Column("why", sa.String(256), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_trace_request"),
        sa.UniqueConstraint("direction", "peer", "name", name="uq_trace_request_direction_peer_name"),
    )
    op.create_index("ix_trace_request_state", "trace_request", ["state"])
    op.create_index("ix_trace_request_record", "trace_request", ["record"])
    op.create_table(
        "trace_message",
        sa.Column("id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("request", NUMBER, nullable=False),
        sa.Column("direction", sa.String(3), nullable=False),
        sa.Column("peer", sa.String(64), nullable=False),
        sa.Column("name", sa.String(96), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("box", sa.LargeBinary, nullable=False),
        sa.Column("at", NUMBER, nullable=False),
        sa.Column("send_at", NUMBER, nullable=True),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("delivered_at", NUMBER, nullable=True),
        sa.Column("trouble", sa.String(200), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_trace_message"),
        sa.UniqueConstraint("direction", "peer", "name", name="uq_trace_message_direction_peer_name"),
        sa.ForeignKeyConstraint(["request"], ["trace_request.id"], name="fk_trace_message_request"),
    )
    op.create_index("ix_trace_message_request", "trace_message", ["request"])
    op.create_index("ix_trace_message_send_at", "trace_message", ["send_at"])
