"""One call as the rules see it."""

from __future__ import annotations

from ringfence.ledger import Trunk
from ringfence.numbering import Number
from ringfence.sip.address import Transport


class Call:
    """What a new INVITE says, read by the plan; never changed after it was made.

    caller: the identity that is judged: P-Asserted-Identity from a trusted trunk that sent one, else From.
    shown: From. identities: every P-Asserted-Identity of a trusted trunk, in its order; () elsewhere.
    asserted: the identity among them that counts, None without one.
    callee: the Request-URI's number: what is screened is what is routed, so To says nothing here.
    display: From's display name, "" if none. private: the caller asks to be withheld (RFC 3323, RFC 3325 §9.3).
    at: epoch seconds.
    """

    __slots__ = (
        "asserted",
        "at",
        "callee",
        "caller",
        "display",
        "identities",
        "private",
        "shown",
        "transport",
        "trunk",
    )

    def __init__(
        self,
        trunk: Trunk,
        shown: Number,
        callee: Number,
        asserted: Number | None = None,
        identities: tuple[Number, ...] = (),
        display: str = "",
        private: bool = False,
        transport: Transport = "udp",
        at: float = 0.0,
    ) -> None:
        self.trunk = trunk
        self.shown = shown
        self.callee = callee
        self.asserted = asserted
        self.identities = identities
        self.caller = shown if asserted is None else asserted
        self.display = display
        self.private = private
        self.transport = transport
        self.at = at
