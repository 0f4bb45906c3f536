"""Records of a carrier's calls as the daemon leaves them: decisions with their facts, outcomes and ends, in segments.

Half of the calls come from a bank's trunk, half from a call centre's that sells. Of the call centre's two in five are
rejected for want of consent. What is forwarded has an outcome; three in five of these are answered and talk for up to
two minutes. One answered call in a hundred has no end in the records, as behind a crash. An hour's last calls end with it.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from heapq import heappop, heappush
from pathlib import Path
from typing import Any

import yaml

from ringfence.records.framing import BLOCK, LENGTH, NOTHING, SEAL, block, start
from ringfence.records.schema import VERSION

HOUR = 3600 * 10**6  # microseconds
BEGAN = 1_800_000_000 // 86_400 * 86_400 * 10**6
TOGETHER = 10  # records a block
MOST = 3  # records a call
A_CALLER, A_CALLEE = (
    50,
    10,
)  # calls of each, however many there are: a small folder's looks find as much as a large one's
NO_CONSENT = 'consent.no_consent\n100\n[["consent.no_consent","enforce",1.0,100.0,""]]\n'  # reason, points, findings

_BODY = (
    "D\n%d\n%d\n%s\nudp\n192.0.2.1:5060\n%016x@192.0.2.1\nsip:%s@198.51.100.99\n"
    '"%s" <sip:%s@192.0.2.1>;tag=%08x\n<sip:%s@198.51.100.99>\n\n\n\n\n\n%s\nfixed\n%s\n%s\nfixed\n%s\n'
    "%s\nmobile\nCN\n1\n%s\n%s\n%d\n%s\n%s\n"
)
_OUTCOME = "O\n%d\n%d\n%016x@192.0.2.1\n%d\n%d\n%d\n%s\nsoftswitch/sip:198.51.100.1:5060\nudp:198.51.100.1:5060\n"
_END = "E\n%d\n%d\n%016x@192.0.2.1\n%d\n%s\nQ.850;cause=16\n%s"
_GATEWAY = "softswitch/sip:198.51.100.1:5060\nudp:198.51.100.1:5060"


def caller(number: int) -> str:
    """A bank's, or, an odd one, a call centre's."""
    return f"+86{(10, 21)[number & 1]}{10_000_000 + number}"


def callee(number: int) -> str:
    """A subscriber."""
    return f"+86139{10_000_000 + number}"


def first_of(number: int, calls: int, segments: int) -> tuple[int, int]:
    """(sequence number of a segment's first record, calls in it), of so many calls in so many segments."""
    before, after = number * calls // segments, (number + 1) * calls // segments
    return before * MOST + 1, after - before


def numbers_of(total: int) -> tuple[int, int]:
    """How many callers and callees so many calls are spread over."""
    return total // A_CALLER, total // A_CALLEE


def segment(number: int, first: int, calls: int, total: int) -> bytes:
    """The records of one hour, as the spool leaves them. total: calls of all hours."""
    begun = BEGAN + number * HOUR
    header, link = start("bench", VERSION, first, NOTHING, begun)
    parts, bodies, at = [header], list[bytes](), first
    for body in _records(random.Random(number), begun, first, calls, numbers_of(total)):
        bodies.append(body)
        if len(bodies) == TOGETHER:
            data, link = block(BLOCK, _joined(bodies), at, begun, begun, link)
            parts.append(data)
            at += len(bodies)
            bodies.clear()
    if bodies:
        data, link = block(BLOCK, _joined(bodies), at, begun, begun, link)
        parts.append(data)
    seal, _ = block(SEAL, b"", at + len(bodies), begun, 0, link)
    return b"".join([*parts, seal])


def _joined(bodies: list[bytes]) -> bytes:
    return b"".join([LENGTH.pack(len(body)) + body for body in bodies])


def _records(dice: random.Random, begun: int, first: int, calls: int, numbers: tuple[int, int]) -> Iterator[bytes]:
    """Bodies in the order of their times."""
    step = HOUR // max(1, calls)
    roll, bits = dice.random, dice.getrandbits
    callers, callees = numbers
    sequence = first
    later: list[tuple[int, int, str]] = []  # at, one of its own, body without an order of its own
    for each in range(calls):
        at = begun + each * step
        while later and later[0][0] <= at:
            yield heappop(later)[2].encode()
            sequence += 1
        call, which = bits(64), int(roll() * callers)
        a, b = caller(which), callee(int(roll() * callees))
        sells = which & 1
        refused = bool(sells) and roll() < 0.4
        yield _decision(at, call, a, b, sells, refused, int(roll() * 40)).encode()
        if not refused:
            _ending(later, roll(), at, sequence, call, sells)
        sequence += 1
    while later:
        yield heappop(later)[2].encode()


def _decision(at: int, call: int, a: str, b: str, sells: int, refused: bool, rate: int) -> str:
    who = "callcentre\nacme\ncall_center" if sells else "bank\nbank\nenterprise"
    place = "SH" if sells else "BJ"
    facts = f"score=[{rate}.0]\rcaller_rate=[{rate},60.0]"
    if sells:
        facts = f"consent=[{'false' if refused else 'true'},null,null,null]\r{facts}"
    verdict = NO_CONSENT if refused else "\n0\n\n"
    return _BODY % (
        at, at, who, call, b, "Shop" if sells else "Bank", a, at & 0xFFFFFFFF, b, a, place, a, place,
        b, "reject" if refused else "forward", f"{verdict}\n{facts}", 403 if refused else 0,
        "\n" if refused else _GATEWAY,
        "marketing" if sells else "service",
    )  # fmt: skip


def _ending(later: list[tuple[int, int, str]], roll: float, at: int, decision: int, call: int, sells: int) -> None:
    """Outcome and end of a forwarded call, for when their time comes. roll: 0..1."""
    answered = roll < 0.6
    rang = 2000 + int(roll * 20_000)  # ms
    final = at + rang * 1000
    status, released = (200, "") if answered else (486, "callee")
    heappush(later, (final, decision, _OUTCOME % (final, decision, call, status, 900, rang, released)))
    if answered and roll > 0.006:
        talk = 5000 + int(roll * 190_000)
        ended = final + talk * 1000
        trunk = "callcentre" if sells else "bank"
        heappush(later, (ended, decision, _END % (ended, decision, call, talk, "caller", trunk)))


def write_policy(folder: Path) -> Path:
    """Settings to judge these calls by: a ledger with titles and grants, consent, score, rate."""
    ledger = folder / "ledger"
    ledger.mkdir()
    trunks = [
        {"name": "bank", "holder": "bank", "kind": "enterprise", "sources": [{"address": "192.0.2.1"}]},
        {"name": "callcentre", "holder": "acme", "kind": "call_center", "sources": [{"address": "192.0.2.2"}]},
    ]
    for trunk in trunks:
        trunk["gateways"] = "softswitch"
    trunks[1]["marketing"] = True
    (ledger / "holders.yaml").write_text(yaml.safe_dump({"holders": [{"name": "bank"}, {"name": "acme"}]}))
    (ledger / "trunks.yaml").write_text(yaml.safe_dump({"trunks": trunks}))
    (ledger / "resources.csv").write_text("holder,prefix\nbank,+8610\nacme,+8621\n")
    (ledger / "grants.csv").write_text("trunk,prefix,purpose\nbank,+8610,\ncallcentre,+8621,marketing\n")
    settings: dict[str, Any] = {
        "listeners": [{"name": "inside", "transport": "udp", "bind": "127.0.0.1:5060"}],
        "gateways": {"softswitch": {"targets": [{"uri": "sip:127.0.0.1:5080"}]}},
        "ledger": {"folder": str(ledger)},
        "data_directory": str(folder / "data"),
        "screening": {
            "rules": {
                "consent": {"mode": "enforce"},
                "harassment_score": {"mode": "enforce"},
                "rate": {"mode": "enforce", "limit": 30, "window": "60s"},
            }
        },
    }
    policy = folder / "policy.yaml"
    policy.write_text(yaml.safe_dump(settings))
    return policy
