"""Calls out of a capture of SIP traffic, judged by a policy: what would have become of them.

Trunks are known by where an INVITE came from, as the daemon knows them; facts come from a file. The calls were made, so
what was done before is `forward`. An INVITE that comes again, or inside a dialog, is no call.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ringfence.config import load_bundle
from ringfence.packets.capture_file import CaptureFile
from ringfence.packets.messages import Captured, Messages
from ringfence.screening import Intake
from ringfence.sip.errors import SipError
from ringfence.sip.message import Request, parse
from ringfence.warehouse.facts_file import read_facts
from ringfence.warehouse.replay import Judge, Outcome

MOST_SEEN = 200_000  # INVITEs that are known again
MADE = ("forward", "")
Advance = Callable[[int, int], None]
"""(bytes read, bytes in all) so far."""

_Seen = tuple[str, int, bytes, bytes, int]


def replay_packets(policy: Path, file: Path, facts: Path | None = None, progress: Advance | None = None) -> Outcome:
    """Judge the calls in a pcap or pcapng file by the settings in a file; examples are packets' numbers.

    facts: a file as `facts_file` has it. Raises ConfigError for faults in policy or facts, PacketError in the capture.
    """
    bundle = load_bundle(policy)
    judge, intake = Judge(bundle), Intake(bundle.numbering)
    given = read_facts(facts, bundle.numbering, bundle.pipeline.rate_window)
    outcome = Outcome()
    seen: dict[_Seen, None] = {}
    with CaptureFile(file) as capture:
        messages = Messages(capture, None if progress is None else lambda done: progress(done, capture.size))
        for message in messages:
            request = _invite(message, outcome)
            if request is None or not _new(seen, message, request):
                continue
            trunk = bundle.ledger.by_source(message.transport, message.source, message.source_port)
            if trunk is None:
                outcome.skipped["its source is no trunk in the new policy"] += 1
                continue
            call = intake.call(request, trunk, message.transport, message.wall / 1e6)
            judge.judge(call, given.of(call), trunk.holder, MADE, message.packet, outcome)
        for why, count in messages.skipped.items():
            outcome.skipped[f"packet: {why}"] += count
    return outcome


def _invite(message: Captured, outcome: Outcome) -> Request | None:
    """A message as an INVITE outside a dialog, None for another one."""
    if message.data[:7] != b"INVITE ":
        return None
    try:
        request = parse(message.data)
    except SipError as error:
        outcome.skipped[f"unreadable: {error}"] += 1
        return None
    return request if isinstance(request, Request) and not request.to_tag else None


def _new(seen: dict[_Seen, None], message: Captured, request: Request) -> bool:
    """Whether this INVITE comes for the first time: over UDP it is repeated until answered (RFC 3261 §17.1.1.2)."""
    key = (message.source, message.source_port, request.call_id, request.from_tag, request.cseq_number)
    if key in seen:
        return False
    seen[key] = None
    if len(seen) > MOST_SEEN:
        del seen[next(iter(seen))]
    return True
