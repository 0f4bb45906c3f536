"""One call as the rules see it."""

from __future__ import annotations

from mypy_extensions import mypyc_attr

from ringfence.ledger import Trunk
from ringfence.numbering import Number
from ringfence.screening.diversion import NOT_DIVERTED, Diverted
from ringfence.sectors import Sector
from ringfence.sip.address import Transport


@mypyc_attr(acyclic=True)
class Call:
    """What a new INVITE says, read by the plan; never changed after it was made.

    caller: the identity that is judged: P-Asserted-Identity from a trusted trunk that sent one, else From.
    shown: From. identities: every P-Asserted-Identity of a trusted trunk, in its order; () elsewhere.
    asserted: the identity among them that counts, None without one.
    preferred, remote_party: P-Preferred-Identity and the calling Remote-Party-ID, of any trunk: wishes, never believed.
    diverted: who sent the call on, NOT_DIVERTED if nobody did.
    accountable: the number that the trunk must be allowed to use: of a call diverted within the trunk's contract that
    of who diverted it last, else the caller.
    callee: the Request-URI's number: what is screened is what is routed, so To says nothing here.
    display: From's display name, "" if none. private: the caller asks to be withheld (RFC 3323, RFC 3325 §9.3).
    at: epoch seconds.
    """

    __slots__ = (
        "accountable",
        "asserted",
        "at",
        "callee",
        "caller",
        "display",
        "diverted",
        "identities",
        "preferred",
        "private",
        "remote_party",
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
        preferred: tuple[Number, ...] = (),
        remote_party: tuple[Number, ...] = (),
        diverted: Diverted = NOT_DIVERTED,
    ) -> None:
        self.trunk = trunk
        self.shown = shown
        self.callee = callee
        self.asserted = asserted
        self.identities = identities
        self.caller = caller = shown if asserted is None else asserted
        self.preferred = preferred
        self.remote_party = remote_party
        self.diverted = diverted
        by = diverted.by
        self.accountable = caller if by is None or diverted.hops > trunk.diversion_hops else by
        self.display = display
        self.private = private
        self.transport = transport
        self.at = at

    def sector(self) -> Sector | None:
        """What it sells: by the grant of its number that holds now and says so, else by its trunk; None: unknown."""
        for terms in self.trunk.standing(self.accountable.value).terms:
            if terms.sector and not terms.suspended and terms.since <= self.at < terms.until:
                return terms.sector
        return self.trunk.sector
