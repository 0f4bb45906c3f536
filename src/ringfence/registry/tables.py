"""The registry's tables, as the newest migration leaves them; a test compares the two."""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Number = sa.BigInteger().with_variant(sa.Integer, "sqlite")
"""64 bits in both; SQLite gives only `INTEGER` keys the fast way in."""

head = sa.Table(
    "head",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),  # always 1
    sa.Column("audit", Number, nullable=False),  # sequence of the last audit entry
    sa.Column("hash", sa.String(64), nullable=False),  # its hash
    sa.Column("change", Number, nullable=False),  # sequence of the last change
    sa.Column("floor", Number, nullable=False),  # changes up to this one are kept no more
    sa.Column("subject", Number, nullable=False),  # the last subject's id
)
"""One row that every writer locks first: so entries and changes have one order, without holes."""

subject = sa.Table(
    "subject",
    metadata,
    sa.Column("id", Number, primary_key=True, autoincrement=False),
    sa.Column("digest", sa.LargeBinary(32), nullable=False, unique=True),  # keyed; random once the number is erased
    sa.Column("number", sa.LargeBinary, nullable=True),  # encrypted: the only place where it stands
    sa.Column("erased_at", Number, nullable=True),
)
"""A callee."""

statement = sa.Table(
    "statement",
    metadata,
    sa.Column("id", Number, primary_key=True, autoincrement=False),  # the sequence of its audit entry
    sa.Column("subject", Number, sa.ForeignKey("subject.id"), nullable=False, index=True),
    sa.Column("kind", sa.String(8), nullable=False),
    sa.Column("scope", sa.String(300), nullable=False, index=True),
    sa.Column("since", Number, nullable=False),
    sa.Column("until", Number, nullable=True),
    sa.Column("sectors", sa.String(256), nullable=False),
    sa.Column("level", sa.String(16), nullable=False),
    sa.Column("purpose", sa.String(256), nullable=False),
    sa.Column("channel", sa.String(16), nullable=False),
    sa.Column("evidence", sa.String(64), nullable=False, index=True),
    sa.Column("reference", sa.String(256), nullable=False),
    sa.Column("recorded_at", Number, nullable=False),
    sa.Column("recorded_by", sa.String(128), nullable=False),
    sa.Column("content", sa.LargeBinary(32), nullable=False, unique=True),  # sha256 of what it says
    sa.Column("ended_at", Number, nullable=True),  # withdrawn or lifted
    sa.Column("ended_entry", Number, nullable=True),  # the audit entry that says so
)
"""Consents, refusals and wishes together, as the rule weighs them together."""

evidence = sa.Table(
    "evidence",
    metadata,
    sa.Column("sha256", sa.String(64), primary_key=True),
    sa.Column("size", Number, nullable=False),
    sa.Column("media_type", sa.String(64), nullable=False),
    sa.Column("stored_at", Number, nullable=False),
    sa.Column("removed_at", Number, nullable=True),
)
"""The files of the evidence folder."""

evidence_owner = sa.Table(
    "evidence_owner",
    metadata,
    sa.Column("sha256", sa.String(64), sa.ForeignKey("evidence.sha256"), primary_key=True),
    sa.Column("actor", sa.String(300), primary_key=True),  # `holder:NAME`, or `*` for the carrier's own people
)
"""Who brought a file: a holder cites only evidence of its own."""

standing = sa.Table(
    "standing",
    metadata,
    sa.Column("subject", Number, sa.ForeignKey("subject.id"), primary_key=True, autoincrement=False),
    sa.Column("scope", sa.String(300), primary_key=True),
    sa.Column("kind", sa.String(8), primary_key=True),
    sa.Column("since", Number, nullable=False),
    sa.Column("until", Number, nullable=True),
    sa.Column("change", Number, nullable=False, index=True),
)
"""What counts now: the rule's result, kept up with every write; `registry verify` works it out anew."""

change = sa.Table(
    "change",
    metadata,
    sa.Column("sequence", Number, primary_key=True, autoincrement=False),
    sa.Column("at", Number, nullable=False, index=True),
    sa.Column("subject", Number, sa.ForeignKey("subject.id"), nullable=False, index=True),
    sa.Column("scope", sa.String(300), nullable=False),
    sa.Column("kind", sa.String(8), nullable=False),
    sa.Column("since", Number, nullable=False),
    sa.Column("until", Number, nullable=True),  # 0: removed
)
"""The outbox that the index follows."""

audit = sa.Table(
    "audit",
    metadata,
    sa.Column("sequence", Number, primary_key=True, autoincrement=False),
    sa.Column("at", Number, nullable=False),  # epoch milliseconds
    sa.Column("actor", sa.String(128), nullable=False),
    sa.Column("origin", sa.String(128), nullable=False),  # from where: an address, a terminal
    sa.Column("action", sa.String(32), nullable=False, index=True),
    sa.Column("subject", Number, nullable=True, index=True),
    sa.Column("detail", sa.Text, nullable=False),  # JSON, without numbers
    sa.Column("hash", sa.String(64), nullable=False),  # over the entry before and this one
)
"""Who did what, when, from where. Append-only."""

token = sa.Table(
    "token",
    metadata,
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("role", sa.String(16), nullable=False),
    sa.Column("holder", sa.String(256), nullable=False),  # of the role `holder`
    sa.Column("digest", sa.LargeBinary(32), nullable=False, unique=True),  # sha256: the token itself is random
    sa.Column("created_at", Number, nullable=False),
    sa.Column("revoked_at", Number, nullable=True),
)
"""Who may use the HTTP interface."""

import_run = sa.Table(
    "import_run",
    metadata,
    sa.Column("digest", sa.String(64), primary_key=True),  # sha256 of the file, its kind and its owner
    sa.Column("position", Number, nullable=False),  # bytes of the file that are done
    sa.Column("line", Number, nullable=False),
    sa.Column("recorded", Number, nullable=False),
    sa.Column("known", Number, nullable=False),
    sa.Column("bad", Number, nullable=False),
)
"""How far an import came."""

trace_request = sa.Table(
    "trace_request",
    metadata,
    sa.Column("id", Number, primary_key=True, autoincrement=False),  # the sequence of its audit entry
    sa.Column("name", sa.String(64), nullable=False),  # what both carriers call it; random, by who asks
    sa.Column("direction", sa.String(3), nullable=False),  # out: we ask; in: we are asked
    sa.Column("peer", sa.String(64), nullable=False),
    sa.Column("state", sa.String(16), nullable=False, index=True),
    sa.Column("node", sa.String(64), nullable=False),  # whose records `record` is one of; "" where it is not known yet
    sa.Column("record", Number, nullable=False, index=True),  # our call; 0 where it is not known yet
    sa.Column("made_at", Number, nullable=False),
    sa.Column("due_at", Number, nullable=True),  # None while nobody has received it
    sa.Column("ended_at", Number, nullable=True),  # closed or refused
    sa.Column("asked", sa.LargeBinary, nullable=False),  # encrypted JSON
    sa.Column("answered", sa.LargeBinary, nullable=True),  # encrypted JSON
    sa.Column("why", sa.String(256), nullable=False),  # of a refusal
    sa.UniqueConstraint("direction", "peer", "name"),
)
"""Trace requests between carriers, ours and theirs."""

trace_message = sa.Table(
    "trace_message",
    metadata,
    sa.Column("id", Number, primary_key=True, autoincrement=False),  # the sequence of its audit entry
    sa.Column("request", Number, sa.ForeignKey("trace_request.id"), nullable=False, index=True),
    sa.Column("direction", sa.String(3), nullable=False),
    sa.Column("peer", sa.String(64), nullable=False),
    sa.Column("name", sa.String(96), nullable=False),  # the JWT's `jti`
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("digest", sa.LargeBinary(32), nullable=False),  # sha256 of what it says
    sa.Column("box", sa.LargeBinary, nullable=False),  # encrypted: of ours the claims, of theirs the JWS as it came
    sa.Column("at", Number, nullable=False),
    sa.Column("send_at", Number, nullable=True, index=True),  # when it is tried next; None: not to be sent (any more)
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("delivered_at", Number, nullable=True),
    sa.Column("trouble", sa.String(200), nullable=False),  # why the last try failed
    sa.UniqueConstraint("direction", "peer", "name"),
)
"""What was said about a trace request, by either side."""
