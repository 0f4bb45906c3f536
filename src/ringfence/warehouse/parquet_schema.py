"""The columns of exported records. docs/parquet.md shows them, and a test holds the two together.

Versions only add columns, behind these; a reader gives those that an older file lacks as NULL.
"""

from __future__ import annotations

from typing import NamedTuple

VERSION = 1


class Column(NamedTuple):
    """type: DuckDB's. sql: what makes it of the text that is handed over under the column's name; "": a cast."""

    name: str
    type: str
    meaning: str
    sql: str = ""


LIST = "string_split(nullif({0}, ''), chr(31))"
MOMENT = "make_timestamp({0}::BIGINT)"
KNOWN = "nullif({0}::BIGINT, -1)"

CALLS = (
    Column("sequence", "BIGINT", "number of the record, of its node"),
    Column("node", "VARCHAR", "who wrote it"),
    Column("arrived_at", "TIMESTAMP", "when the INVITE came, UTC", MOMENT),
    Column("trunk", "VARCHAR", "trunk or gateway that it came from"),
    Column("holder", "VARCHAR", "who answers for the trunk"),
    Column("trunk_kind", "VARCHAR", "the trunk's kind; `gateway`"),
    Column("purpose", "VARCHAR", "what the trunk's calls are for; empty of records before schema 2"),
    Column("connected_by", "VARCHAR", "who connected the trunk, likewise"),
    Column("class", "VARCHAR", "class of retention"),
    Column("transport", "VARCHAR", "`udp`, `tcp` or `tls`"),
    Column("source", "VARCHAR", "address and port"),
    Column("call_id", "VARCHAR", "Call-ID"),
    Column("request_uri", "VARCHAR", "as it came, numbers masked"),
    Column("from_field", "VARCHAR", "From, likewise"),
    Column("to_field", "VARCHAR", "To, likewise"),
    Column("asserted", "VARCHAR[]", "P-Asserted-Identity, likewise; NULL: none", LIST),
    Column("preferred", "VARCHAR[]", "P-Preferred-Identity, likewise", LIST),
    Column("diversion", "VARCHAR[]", "Diversion, likewise", LIST),
    Column("privacy", "VARCHAR", "Privacy"),
    Column("identity", "VARCHAR", "`unchecked` where an Identity field came"),
    Column("shown", "VARCHAR", "number that is shown, masked"),
    Column("shown_class", "VARCHAR", "its class or kind"),
    Column("shown_region", "VARCHAR", "its province or country"),
    Column("shown_pseudonym", "VARCHAR", "stands for the whole number while the key stays; empty: no number"),
    Column("caller", "VARCHAR", "number that counts as the caller's, masked"),
    Column("caller_class", "VARCHAR", "its class or kind"),
    Column("caller_region", "VARCHAR", "its province or country"),
    Column("caller_pseudonym", "VARCHAR", "stands for the whole number"),
    Column("callee", "VARCHAR", "number that is called, masked"),
    Column("callee_class", "VARCHAR", "its class or kind"),
    Column("callee_region", "VARCHAR", "its province or country"),
    Column("callee_pseudonym", "VARCHAR", "stands for the whole number"),
    Column("generation", "INTEGER", "of the settings that it was judged by"),
    Column("action", "VARCHAR", "`forward`, `tag`, `reject`, `refuse`, `abandon` or `inside`"),
    Column("reason", "VARCHAR", "the verdict's"),
    Column("points", "DOUBLE", "sum of the findings'; NULL: it was not judged", "nullif({0}, '')::DOUBLE"),
    Column("findings", "VARCHAR", "JSON: [[reason, mode, strength, points, detail], …]"),
    Column("unknown", "VARCHAR[]", "facts that did not come", LIST),
    Column("facts", "VARCHAR[]", "name=JSON each", LIST),
    Column("status", "SMALLINT", "what it was answered; NULL: it was forwarded", "nullif({0}::SMALLINT, 0)"),
    Column("gateway", "VARCHAR", "gateway that it went to first"),
    Column("gateway_address", "VARCHAR", "its address"),
)

ENDINGS = (
    Column("sequence", "BIGINT", "number of the record"),
    Column("node", "VARCHAR", "who wrote it"),
    Column("happened_at", "TIMESTAMP", "final answer, or end; UTC", MOMENT),
    Column("kind", "VARCHAR", "`outcome` (the final answer) or `end` (the BYE)"),
    Column("decision", "BIGINT", "sequence of the call; 0: it began before a restart, the Call-ID joins them"),
    Column("call_id", "VARCHAR", "Call-ID"),
    Column("status", "SMALLINT", "final answer; NULL of an end", "nullif({0}::SMALLINT, 0)"),
    Column("ring_ms", "BIGINT", "from INVITE to first 18x; NULL: none", KNOWN),
    Column("final_ms", "BIGINT", "from INVITE to final answer", KNOWN),
    Column("talk_ms", "BIGINT", "from the 2xx to the end; NULL: unknown", KNOWN),
    Column("released", "VARCHAR", "`caller`, `callee`, `ringfence`; empty: answered, or forgotten"),
    Column("gateway", "VARCHAR", "who answered, or the last that was tried"),
    Column("gateway_address", "VARCHAR", "its address"),
    Column("tried", "VARCHAR[]", "every gateway in the order of trying, where there were several", LIST),
    Column("cause", "VARCHAR[]", "the BYE's Reason values (RFC 3326)", LIST),
)

TABLES = {"calls": CALLS, "endings": ENDINGS}

STORIES = """
SELECT calls.*, outcome.status AS final_status, outcome.ring_ms, outcome.final_ms,
    coalesce(ended.happened_at, later.happened_at) AS ended_at, coalesce(ended.talk_ms, later.talk_ms) AS talk_ms,
    coalesce(ended.released, later.released, outcome.released) AS released
FROM calls
LEFT JOIN endings AS outcome ON outcome.kind = 'outcome' AND outcome.node = calls.node
    AND outcome.decision = calls.sequence
LEFT JOIN endings AS ended ON ended.kind = 'end' AND ended.node = calls.node AND ended.decision = calls.sequence
LEFT JOIN endings AS later ON later.kind = 'end' AND later.decision = 0 AND later.call_id = calls.call_id
    AND calls.status IS NULL AND calls.action <> 'inside'
"""
"""The view `stories`: each call with how it went."""
