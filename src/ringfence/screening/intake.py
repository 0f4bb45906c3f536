"""From an INVITE to the call that rules judge: identities, privacy and target, read by the plan."""

from __future__ import annotations

from ringfence.ledger import Trunk
from ringfence.numbering import Kind, Number, Numbering
from ringfence.numbering.number import MAX_RAW
from ringfence.screening.call import Call
from ringfence.screening.diversion import NOT_DIVERTED, diverted
from ringfence.sip.address import Transport
from ringfence.sip.errors import SipError
from ringfence.sip.headers import (
    DIVERSION,
    HISTORY_INFO,
    P_ASSERTED_IDENTITY,
    P_PREFERRED_IDENTITY,
    PRIVACY,
    REMOTE_PARTY_ID,
)
from ringfence.sip.message import Request
from ringfence.sip.plain import number_of_address, number_of_uri
from ringfence.sip.uri import name_addr, parse_uri, split_values

MAX_IDENTITIES = 2  # RFC 3325 §9.1: one sip or sips URI and one tel URI; what is beyond cannot be trusted

_PRIVATE = frozenset((b"id", b"user", b"header"))


class Intake:
    """Reads calls by one plan."""

    def __init__(self, numbering: Numbering) -> None:
        self._read = numbering.read

    def call(self, request: Request, trunk: Trunk, transport: Transport, at: float) -> Call:
        """The call that a new INVITE asks for; never raises. at: epoch seconds.

        RFC 3325 §4: P-Asserted-Identity counts only from inside the trust domain; elsewhere it is not even read.
        """
        area = trunk.area
        index = request.index
        asserted: Number | None = None
        identities: tuple[Number, ...] = ()
        if trunk.trust_identity:
            value = index.first(P_ASSERTED_IDENTITY)
            if value is not None:
                plain = number_of_address(value)
                if plain is not None and index.count(P_ASSERTED_IDENTITY) == 1:
                    asserted = self._read(plain, area)
                    identities = (asserted,)
                else:
                    identities = self._identities(index.values(P_ASSERTED_IDENTITY), area)
                    asserted = _foremost(identities)
        count = index.count
        preferred: tuple[Number, ...] = ()
        remote_party: tuple[Number, ...] = ()
        sent_on = NOT_DIVERTED
        if count(P_PREFERRED_IDENTITY):
            preferred = self._identities(index.values(P_PREFERRED_IDENTITY), area)
        if count(REMOTE_PARTY_ID):
            remote_party = self._identities(index.values(REMOTE_PARTY_ID), area, calling=True)
        if count(DIVERSION) or count(HISTORY_INFO):
            sent_on = diverted(index.values(DIVERSION), index.values(HISTORY_INFO), lambda uri: self._number(uri, area))
        return Call(
            trunk,
            self._number(request.from_uri, area),
            self._number(request.uri, area),
            asserted,
            identities,
            request.from_display,
            count(PRIVACY) > 0 and _private(index.values(PRIVACY)),
            transport,
            at,
            preferred,
            remote_party,
            sent_on,
        )

    def _number(self, uri: bytes, area: str | None) -> Number:
        # Nearly all are a plain number at a host; whatever else comes, and any doubt, goes to the URI parser.
        plain = number_of_uri(uri)
        return self._unusual(uri, area) if plain is None else self._read(plain, area)

    def _unusual(self, uri: bytes, area: str | None) -> Number:
        if uri[:12].lower() == b"urn:service:":
            service = _text(uri)
            return Number(service, service.lower(), Kind.SERVICE)
        try:
            parsed = parse_uri(uri)
        except SipError:
            return Number(_text(uri), "", Kind.MALFORMED)
        return self._read(parsed.user or "", area, parsed.params.get("phone-context"))

    def _identities(self, values: list[bytes], area: str | None, calling: bool = False) -> tuple[Number, ...]:
        """Every identity of a field, a malformed one too; at most one beyond MAX_IDENTITIES, as malformed.

        calling: leave out a Remote-Party-ID that is not the calling party's (draft-ietf-sip-privacy-04 §5).
        """
        numbers: list[Number] = []
        for value in values:
            try:
                parts = split_values(value)
            except SipError:
                parts = [value]
            for part in parts:
                if len(numbers) == MAX_IDENTITIES:
                    return (*numbers, Number("", "", Kind.MALFORMED))
                number = self._identity(part, area, calling)
                if number is not None:
                    numbers.append(number)
        return tuple(numbers)

    def _identity(self, value: bytes, area: str | None, calling: bool) -> Number | None:
        try:
            _, uri, parameters = name_addr(value)
        except SipError:
            return Number(_text(value), "", Kind.MALFORMED)
        if calling and parameters.get("party", "calling").lower() != "calling":
            return None
        return self._number(uri, area)


def _text(value: bytes) -> str:
    return value[:MAX_RAW].decode("utf-8", "backslashreplace")[:MAX_RAW]


def _foremost(identities: tuple[Number, ...]) -> Number:
    """The first identity with a number; the first of all when none has one."""
    for number in identities:
        if number.value:
            return number
    return identities[0]


def _private(values: list[bytes]) -> bool:
    """RFC 3323 §4.2: priv-values, separated by semicolons; `none` asks for no privacy whatever stands beside it."""
    asked = {part.strip().lower() for value in values for part in value.replace(b",", b";").split(b";")}
    return b"none" not in asked and not asked.isdisjoint(_PRIVATE)
