"""The caller's half of a dialog: RFC 3261 §12.1.2 and §12.2.1.1."""

from __future__ import annotations

from dataclasses import dataclass

from ringfence.demo.ladder import text
from ringfence.sip.headers import CONTACT, RECORD_ROUTE
from ringfence.sip.message import Response
from ringfence.sip.uri import name_addr, parse_uri, split_values


@dataclass(slots=True)
class Dialog:
    """What a 2xx taught.

    target: the callee's Contact URI; routes: Record-Route values, nearest hop first (§12.1.2: reversed).
    remote: the To value with its tag.
    """

    target: str
    routes: list[str]
    remote: str
    remote_tag: bytes

    @classmethod
    def learned(cls, response: Response, to: str) -> Dialog:
        """From the 2xx of an INVITE. to: its To value. Raises SipError for a Contact that is no URI."""
        contact = response.index.first(CONTACT) or b""
        target = text(name_addr(split_values(contact)[0])[1]) if contact else ""
        recorded = [one for value in response.index.values(RECORD_ROUTE) for one in split_values(value)]
        return cls(target, [text(one) for one in reversed(recorded)], to, response.to_tag)

    def addressed(self, fallback: str) -> tuple[str, list[str]]:
        """Request-URI and Route values of a request in this dialog, loose or strict (§12.2.1.1).

        fallback: Request-URI when the callee gave no Contact, as broken ones do.
        """
        target = self.target or fallback
        if not self.routes:
            return target, []
        first = text(name_addr(self.routes[0].encode())[1])
        if "lr" in parse_uri(first.encode()).params:
            return target, self.routes
        # A strict router takes its own URI as the Request-URI and finds the real target at the end.
        return first, [*self.routes[1:], f"<{target}>"]

    def next_hop(self, fallback: str) -> str:
        """The URI that a request in this dialog is sent to."""
        return text(name_addr(self.routes[0].encode())[1]) if self.routes else self.target or fallback
