"""The register: callees, statements, evidence, standing, changes, audit trail, tokens, imports."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the tables, and the row that writers lock."""
    head = op.create_table(
        "head",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("audit", NUMBER, nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("change", NUMBER, nullable=False),
        sa.Column("floor", NUMBER, nullable=False),
        sa.Column("subject", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_head"),
    )
    op.create_table(
        "subject",
        sa.Column("id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("number", sa.LargeBinary, nullable=True),
        sa.Column("erased_at", NUMBER, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_subject"),
        sa.UniqueConstraint("digest", name="uq_subject_digest"),
    )
    op.create_table(
        "statement",
        sa.Column("id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("subject", NUMBER, nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("scope", sa.String(300), nullable=False),
        sa.Column("since", NUMBER, nullable=False),
        sa.Column("until", NUMBER, nullable=True),
        sa.Column("sectors", sa.String(256), nullable=False),
        sa.Column("level", sa.String(16), nullable=False),
        sa.Column("purpose", sa.String(256), nullable=False),
        sa.Column("channel", sa.String(16), nullable=False),
        sa.Column("evidence", sa.String(64), nullable=False),
        sa.Column("reference", sa.String(256), nullable=False),
        sa.Column("recorded_at", NUMBER, nullable=False),
        sa.Column("recorded_by", sa.String(128), nullable=False),
        sa.Column("content", sa.LargeBinary(32), nullable=False),
        sa.Column("ended_at", NUMBER, nullable=True),
        sa.Column("ended_entry", NUMBER, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_statement"),
        sa.UniqueConstraint("content", name="uq_statement_content"),
        sa.ForeignKeyConstraint(["subject"], ["subject.id"], name="fk_statement_subject"),
    )
    op.create_index("ix_statement_subject", "statement", ["subject"])
    op.create_index("ix_statement_scope", "statement", ["scope"])
    op.create_index("ix_statement_evidence", "statement", ["evidence"])
    op.create_table(
        "evidence",
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("size", NUMBER, nullable=False),
        sa.Column("media_type", sa.String(64), nullable=False),
        sa.Column("stored_at", NUMBER, nullable=False),
        sa.Column("removed_at", NUMBER, nullable=True),
        sa.PrimaryKeyConstraint("sha256", name="pk_evidence"),
    )
    op.create_table(
        "evidence_owner",
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("actor", sa.String(300), nullable=False),
        sa.PrimaryKeyConstraint("sha256", "actor", name="pk_evidence_owner"),
        sa.ForeignKeyConstraint(["sha256"], ["evidence.sha256"], name="fk_evidence_owner_sha256"),
    )
    op.create_table(
        "standing",
        sa.Column("subject", NUMBER, autoincrement=False, nullable=False),
        sa.Column("scope", sa.String(300), nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("since", NUMBER, nullable=False),
        sa.Column("until", NUMBER, nullable=True),
        sa.Column("change", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("subject", "scope", "kind", name="pk_standing"),
        sa.ForeignKeyConstraint(["subject"], ["subject.id"], name="fk_standing_subject"),
    )
    op.create_index("ix_standing_change", "standing", ["change"])
    op.create_table(
        "change",
        sa.Column("sequence", NUMBER, autoincrement=False, nullable=False),
        sa.Column("at", NUMBER, nullable=False),
        sa.Column("subject", NUMBER, nullable=False),
        sa.Column("scope", sa.String(300), nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("since", NUMBER, nullable=False),
        sa.Column("until", NUMBER, nullable=True),
        sa.PrimaryKeyConstraint("sequence", name="pk_change"),
        sa.ForeignKeyConstraint(["subject"], ["subject.id"], name="fk_change_subject"),
    )
    op.create_index("ix_change_at", "change", ["at"])
    op.create_index("ix_change_subject", "change", ["subject"])
    op.create_table(
        "audit",
        sa.Column("sequence", NUMBER, autoincrement=False, nullable=False),
        sa.Column("at", NUMBER, nullable=False),
        sa.Column("actor", sa.String(128), nullable=False),
        sa.Column("origin", sa.String(128), nullable=False),
        sa.Column("action", sa.String(32), nullable=False),
        sa.Column("subject", NUMBER, nullable=True),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name="pk_audit"),
    )
    op.create_index("ix_audit_action", "audit", ["action"])
    op.create_index("ix_audit_subject", "audit", ["subject"])
    op.create_table(
        "token",
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("holder", sa.String(256), nullable=False),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("created_at", NUMBER, nullable=False),
        sa.Column("revoked_at", NUMBER, nullable=True),
        sa.PrimaryKeyConstraint("name", name="pk_token"),
        sa.UniqueConstraint("digest", name="uq_token_digest"),
    )
    op.create_table(
        "import_run",
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("position", NUMBER, nullable=False),
        sa.Column("line", NUMBER, nullable=False),
        sa.Column("recorded", NUMBER, nullable=False),
        sa.Column("known", NUMBER, nullable=False),
        sa.Column("bad", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_import_run"),
    )
    op.bulk_insert(head, [{"id": 1, "audit": 0, "hash": "0" * 64, "change": 0, "floor": 0, "subject": 0}])
