"""The Via that a response follows home (RFC 3261 §20.42, §18.2.1)."""

from __future__ import annotations

import re

from ringfence.sip.errors import BadSyntax
from ringfence.sip.grammar import BLANKS, HOST, PORT, TOKEN
from ringfence.sip.params import Span, scan, skip_blanks

COOKIE = b"z9hG4bK"

# What nearly every neighbour writes, in one match.
_plain = re.compile(
    rb"SIP/2\.0/([A-Z]++) ((" + HOST + rb")(?::(" + PORT + rb"))?)"
    rb"(?:;rport()(?=;))?;branch=(" + TOKEN + rb")(?:;rport())?"
).fullmatch
# What §25.1 allows besides: white space and folds between any two elements, lower case, other versions (a 505
# has to find its way home).
_sent = re.compile(
    TOKEN + BLANKS + rb"/" + BLANKS + TOKEN + BLANKS + rb"/" + BLANKS + rb"(" + TOKEN + rb")"
    rb"[ \t\r\n]++((" + HOST + rb")(?:" + BLANKS + rb":" + BLANKS + rb"(" + PORT + rb"))?)"
).match


class Via:
    """One Via value.

    sent_by: host and port as written. host: without the brackets of an IPv6 reference. port: None if not
    given.
    branch: b"" without one (RFC 2543). transport: upper case.
    start, end: the value within the bytes it was read from, offsets like all others here.
    rport_end: behind the name of an rport parameter without a value (RFC 3581 §3), -1 without one.
    received: from the end of a `received` parameter's name to the end of its value, None without one.
    """

    __slots__ = ("branch", "end", "host", "port", "received", "rport_end", "sent_by", "start", "transport")

    def __init__(self, text: bytes, start: int, end: int) -> None:
        """Read the first value between `start` and `end` of `text`; raises BadSyntax."""
        value = text[start:end].strip(b" \t\r\n")
        plain = _plain(value)
        if plain is None:
            self._read(text, start, end)
            return
        self.transport, self.sent_by, host, port, before, self.branch, after = plain.groups()
        start = text.find(value, start)
        self.start = start
        self.end = start + len(value)
        self._place(host, port)
        self.received: Span | None = None
        if before is not None:
            self.rport_end = start + plain.end(5)
            if after is not None:
                raise BadSyntax("a parameter is repeated")
        elif after is not None:
            self.rport_end = self.end
        else:
            self.rport_end = -1

    def _place(self, host: bytes, port: bytes | None) -> None:
        self.host = host[1:-1] if host[0] == 0x5B else host
        self.port = None if port is None else int(port)

    def _read(self, text: bytes, start: int, end: int) -> None:
        """The long way: any spelling, any parameters, more values behind a comma."""
        field = text[:end]
        self.start = skip_blanks(field, start)
        sent = _sent(field, self.start)
        if sent is None:
            raise BadSyntax("Via is malformed")
        transport, self.sent_by, host, port = sent.groups()
        self.transport = transport.upper()
        self._place(host, port)
        found, self.end = scan(field, sent.end())
        behind = skip_blanks(field, self.end)
        # Of the values behind this one no more is asked than that the next begins: it will be the topmost one day.
        if behind != end and (field[behind] != 0x2C or not _sent(field, skip_blanks(field, behind + 1))):
            raise BadSyntax("Via is malformed")
        branch, _ = found.get(b"branch", (b"", None))
        if branch is None:
            raise BadSyntax("Via has a branch without a value")
        self.branch = branch
        rport, span = found.get(b"rport", (b"", (-1, -1)))
        self.rport_end = span[0] if rport is None else -1
        received = found.get(b"received")
        self.received = None if received is None else received[1]

    def next_value(self, text: bytes, end: int) -> int:
        """Offset of the value behind this one in a field that ends at `end`; `end` if this is the last."""
        behind = skip_blanks(text, self.end)
        return skip_blanks(text, behind + 1) if behind < end and text[behind] == 0x2C else end
