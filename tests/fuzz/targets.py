"""What a fuzzer calls: each takes any bytes and raises only if the code is wrong.

"A message or a SipError, nothing else"; and what was read must hold together.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from itertools import pairwise

from tests.fuzz.ledger_targets import LEDGER_TARGETS
from tests.fuzz.packet_targets import PACKET_TARGETS

from ringfence.config import ConfigError
from ringfence.config.calendar_file import calendar_from
from ringfence.config.validation import validate
from ringfence.config.yaml_source import read_yaml
from ringfence.numbering import (
    IRREGULARITIES,
    NO_CLASS,
    Kind,
    Numbering,
    NumberingSettings,
    PlanError,
    PlanSettings,
)
from ringfence.numbering.number import MAX_RAW
from ringfence.sip import headers as h
from ringfence.sip.errors import SipError
from ringfence.sip.framing import Ping, StreamFramer, Unframeable
from ringfence.sip.message import Request, Response, parse
from ringfence.sip.uri import name_addr, parse_uri, split_values
from ringfence.sip.via import Via
from ringfence.sip.writer import response, salvaged_response, stamped_via, without_top_via

LIMIT = 65_535
NUMBERINGS = (Numbering(NumberingSettings()), Numbering(NumberingSettings(plan="sg")))


def message(data: bytes) -> None:
    """The message parser, all that a message can be asked, and what is written from it."""
    try:
        found = parse(data)
    except SipError as error:
        _salvage(data, error)
        return
    index = found.index
    start, end = found.via_span
    assert index.line_end < start < end <= index.head_end <= len(found.data)
    assert b"\r\n" not in found.uri if isinstance(found, Request) else True
    assert all(part not in (None, b"") for part in (found.call_id, found.from_uri, found.to_uri, found.via_host))
    for number in h.NAMES:
        spans = index.spans(number)
        assert len(spans) == index.count(number) == len(index.values(number))
        for first, last in spans:
            assert index.line_end < first < last <= index.head_end - 2
            assert found.data[last - 2 : last] == b"\r\n"
    assert "\0" not in found.from_display or b"\0" in found.data
    if isinstance(found, Request):
        _request(found)
    else:
        _response(found)


def _request(found: Request) -> None:
    assert found.method == found.cseq_method
    parse_uri(found.uri)  # never a SipError: the message parser vouches for it
    try:
        found.routes
    except SipError:
        pass
    via = stamped_via(found, "192.0.2.1", 5060)
    again = parse(response(found, 486, b"Busy Here", via, b"tag"))
    assert isinstance(again, Response)
    assert (again.call_id, again.cseq_number, again.cseq_method) == (found.call_id, found.cseq_number, found.method)
    assert (again.via_branch, again.from_tag) == (found.via_branch, found.from_tag)
    assert again.to_tag == (found.to_tag or b"tag")
    assert again.index.count(h.VIA) == found.index.count(h.VIA)
    copy = parse(found.data)  # what goes on is read the same by the next of our kind
    assert isinstance(copy, Request)
    assert copy.data == found.data


def _response(found: Response) -> None:
    assert 100 <= found.status <= 699
    rest = without_top_via(found)
    assert len(rest) < len(found.data)
    assert rest.endswith(found.body)
    try:
        following = parse(rest)
    except SipError:
        return  # the second Via is not looked at before its turn
    assert following.call_id == found.call_id


def _salvage(data: bytes, error: SipError) -> None:
    made = salvaged_response(data, error.status or 400, b"Bad Request", "192.0.2.1", 5060)
    if made is None:
        return
    head = made.removesuffix(b"\r\n\r\n")
    assert head != made
    assert b"\r\n\r\n" not in head
    assert not any(b"\r" in line or b"\n" in line for line in head.split(b"\r\n"))


def uri(data: bytes) -> None:
    """URIs, addresses, lists and Via values."""
    for read in (parse_uri, name_addr, split_values, lambda value: Via(value, 0, len(value))):
        try:
            found = read(data)
        except SipError:
            continue
        if isinstance(found, Via):
            assert 0 <= found.start < found.end <= len(data)
        elif isinstance(found, list):
            assert b",".join(found).count(b",") == data.count(b",")


def framer(data: bytes) -> None:
    """The framer, however the stream is cut: the first byte says how."""
    if not data:
        return
    step = data[0] + 1
    stream = data[1:]
    assert _frames(stream, step) == _frames(stream, len(stream) or 1)


def _frames(stream: bytes, step: int) -> tuple[list[bytes | Ping], str]:
    machine = StreamFramer(LIMIT)
    frames: list[bytes | Ping] = []
    for at in range(0, len(stream), step):
        try:
            frames += machine.feed(stream[at : at + step])
        except Unframeable as error:
            return frames + error.frames, str(error)
    assert len(machine.rest) >= machine.pending
    return frames, ""


def plan(data: bytes) -> None:
    """The loader of numbering plans: a plan whose every number has one reading, or faults with their lines."""
    root = None
    try:
        root = read_yaml(data, "plan")
        settings, _ = validate(PlanSettings, root, "plan", {})
        numbering = Numbering(NumberingSettings(), settings)
    except (ConfigError, PlanError) as error:
        assert error.faults
        assert all(str(fault) for fault in error.faults)
        return
    for text in ("110", "+8613800138000", "021 6234 5678", "0000"):
        _reading(numbering, text)


def calendar(data: bytes) -> None:
    """The loader of calendars: one that knows every day of its years, or faults with their lines."""
    try:
        found, _ = calendar_from(data, "calendar")
    except ConfigError as error:
        assert error.faults
        assert all(str(fault) for fault in error.faults)
        return
    for year in found.complete | found.partial:
        first = date(year, 1, 1).toordinal()
        assert {found.day(day) for day in range(first, first + 366)} <= {"workday", "weekend", "holiday"}


def number(data: bytes) -> None:
    """The reading of any text as a number: of the plan, foreign, or none; and a value reads as itself."""
    text = data.decode("utf-8", "backslashreplace")
    for numbering in NUMBERINGS:
        _reading(numbering, text)
        _reading(numbering, text, area="021", context="+8621")
        try:
            spans = numbering.prefix_spans(text)
        except ValueError:
            continue
        assert all(len(low) == len(high) and low <= high for low, high in spans)
        for length in {len(low) for low, _ in spans}:
            same = sorted(span for span in spans if len(span[0]) == length)
            assert all(one[1] < other[0] for one, other in pairwise(same))


def _reading(numbering: Numbering, text: str, area: str | None = None, context: str | None = None) -> None:
    found = numbering.read(text, area, context)
    assert len(found.raw) <= MAX_RAW
    assert bool(found.value) == (found.kind in (Kind.E164, Kind.SHORT)) == (found.class_ is not NO_CLASS)
    assert not found.irregular or found.irregular in IRREGULARITIES
    if found.value:
        again = numbering.read(found.value, "0755")
        assert (again.value, again.class_, again.irregular) == (found.value, found.class_, found.irregular)


OWN_TARGETS: dict[str, Callable[[bytes], None]] = {
    "message": message,
    "uri": uri,
    "framer": framer,
    "plan": plan,
    "calendar": calendar,
    "number": number,
}
TARGETS = OWN_TARGETS | LEDGER_TARGETS | PACKET_TARGETS
