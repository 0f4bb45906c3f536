"""What a record says, by kind and version of the schema.

A body is UTF-8 text, its fields parted by LF, several values of one field by CR: neither can stand in a header field
value (RFC 3261 §7.3.1), and what is not from one is cleaned of them. The first field is the kind. Field values that are
no UTF-8 keep their bytes (`surrogateescape`).

A new version appends fields to a kind, or adds a kind; it never moves or renames one. A segment's header says the
version of its writer; a reader gives fields that the writer did not know as "". So upgrading needs no conversion: old
segments are read as they are. A segment of a later version than the reader's is read as far as the reader knows it.
"""

from __future__ import annotations

VERSION = 2

DECISION, OUTCOME, END, NOTE = "D", "O", "E", "N"

FIELDS: dict[str, tuple[str, ...]] = {
    DECISION: (
        "kind",
        "at",  # wall time of the INVITE's arrival, microseconds since 1970
        "monotonic",  # the same on the machine's monotonic clock, microseconds
        "trunk", "holder", "trunk_kind",
        "transport", "source",  # who sent it: udp, tcp or tls; address:port
        "call_id",
        "request_uri", "from", "to", "asserted", "preferred", "diversion", "privacy",  # as they came
        "identity",  # of an Identity field (RFC 8224): "" none came, "unchecked" nobody checked it
        # as the plan reads them: number, class or kind, province or else country
        "shown", "shown_class", "shown_region", "caller", "caller_class", "caller_region",
        "callee", "callee_class", "callee_region",
        "generation",  # of the settings that it was judged by
        "action",  # forward, tag, reject; refuse: by the proxy itself; abandon: by its caller; inside: within a dialog
        "reason", "points",
        "findings",  # JSON: [[reason, mode, strength, points, detail], …]
        "unknown",  # facts that did not come, parted by commas
        "facts",  # name=JSON each; a text is why it is unknown
        "status",  # what it was answered, 0: it was forwarded
        "gateway", "gateway_address",
        "purpose",  # since 2: what the trunk's calls are for, `marketing` where they need consent; "" of a gateway's
        "connected_by",  # since 2: who connected the trunk and answers for that, as the ledger said then
    ),
    OUTCOME: (
        "kind",
        "at",  # wall time of the final answer
        "decision", "call_id",
        "status",  # the final answer that the caller was given
        "ring_ms", "final_ms",  # from the INVITE's arrival to the first 18x (-1: none) and to the final answer
        "released",  # caller, callee or ringfence; "" for an answered call
        "gateway", "gateway_address",  # who answered, or the last that was tried
        "tried",  # every gateway in the order of trying
    ),
    END: (
        "kind",
        "at",  # wall time of the BYE's answer
        "decision",  # sequence number of the call's decision; 0: begun before a restart, the Call-ID joins them
        "call_id",
        "talk_ms",  # from the 2xx on; -1 where that is not known
        "released",  # caller, callee; "" when the call was forgotten
        "cause",  # the BYE's Reason values (RFC 3326)
        "trunk",
    ),
    NOTE: ("kind", "at", "event", "text"),
}  # fmt: skip

RELEASED = ("", "caller", "callee", "ringfence")


def decode(body: bytes) -> dict[str, str]:
    """A record's fields by name. Of an unknown kind: the kind alone."""
    values = body.decode("utf-8", "surrogateescape").split("\n")
    names = FIELDS.get(values[0])
    if names is None:
        return {"kind": values[0]}
    if len(values) < len(names):
        values += [""] * (len(names) - len(values))
    return dict(zip(names, values, strict=False))


def moment_of(body: bytes) -> int:
    """When a record is of, microseconds since 1970, without reading the rest; 0 where it does not say."""
    value = body[2 : body.find(b"\n", 2)]
    return int(value) if value.isdigit() else 0
