"""Calls of the past judged by another policy: what would change, for whom, and by which rule.

A call is put together again from what its INVITE said, and read and judged by the very code that judges calls, with the
facts that the stores gave then. A fact that nobody asked for then stays unknown: a new rule that needs it is silent.
"""

from __future__ import annotations

import multiprocessing
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from ringfence.config import Bundle, load_bundle
from ringfence.records.keys import KeyRing
from ringfence.records.schema import decode
from ringfence.screening import Call, CalleeCalls, Consent, Facts, Intake, Need, Rate, Roaming, Score, Unknown, Verdict
from ringfence.sip.errors import SipError
from ringfence.sip.message import Request, parse
from ringfence.warehouse.library import Fields, Library

CHUNK = 2000  # records judged between two words of progress
ALONE = 10_000  # records up to which no workers are started: they need most of a second to be ready
EXAMPLES = 3  # records named for each change
JUDGED = ("forward", "tag", "reject")
KINDS: dict[str, type[Any]] = {
    Need.CONSENT: Consent, Need.SCORE: Score, Need.CALLER_RATE: Rate, Need.CALLEE_CALLS: CalleeCalls,
    Need.ROAMING: Roaming,
}  # fmt: skip
"""What each fact is once it came; a test asks that no need is missing."""

_NOT_RECORDED = Unknown("not_recorded")
_NONE: dict[str, Any] = dict.fromkeys(map(str, KINDS), _NOT_RECORDED)
FACTS_KEPT = 10_000  # read once: nearly all calls have one of a few hundred


class Change(NamedTuple):
    """What would be different. before, after: (action, reason)."""

    holder: str
    before: tuple[str, str]
    after: tuple[str, str]


class Outcome:
    """What a replay found.

    judged: calls; skipped: records that cannot be judged again, by why. unchanged: with the same action and reason.
    changes: calls by change; examples: some of their records. actions: calls by (action before, action after).
    consented: of the calls that would be tagged or rejected and were not, those whose callee had consented.
    """

    def __init__(self) -> None:
        self.judged = 0
        self.unchanged = 0
        self.skipped: Counter[str] = Counter()
        self.changes: Counter[Change] = Counter()
        self.examples: dict[Change, list[int]] = {}
        self.actions: Counter[tuple[str, str]] = Counter()
        self.consented: Counter[Change] = Counter()

    def merge(self, other: Outcome) -> None:
        """Add what another worker found."""
        self.judged += other.judged
        self.unchanged += other.unchanged
        self.skipped.update(other.skipped)
        self.changes.update(other.changes)
        self.actions.update(other.actions)
        self.consented.update(other.consented)
        for change, examples in other.examples.items():
            kept = self.examples.setdefault(change, [])
            kept += examples[: EXAMPLES - len(kept)]


class Judge:
    """Judges recorded decisions by one generation of settings."""

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle
        self._intake = Intake(bundle.numbering)

    def take(self, records: Iterable[tuple[int, bytes]]) -> Outcome:
        """All of some decisions."""
        outcome = Outcome()
        for sequence, body in records:
            self._one(sequence, decode(body), outcome)
        return outcome

    def _one(self, sequence: int, fields: Fields, outcome: Outcome) -> None:
        if fields["action"] not in JUDGED:
            outcome.skipped["never judged"] += 1
            return
        trunk = self._bundle.ledger.trunks.get(fields["trunk"])
        if trunk is None:
            outcome.skipped["trunk is not in the new policy"] += 1
            return
        try:
            request = parse(_invite(fields))
            assert isinstance(request, Request)
        except SipError:
            outcome.skipped["its record was cut"] += 1
            return
        transport: Any = fields["transport"]
        call = self._intake.call(request, trunk, transport, int(fields["at"]) / 1e6)
        before = (fields["action"], fields["reason"])
        self.judge(call, facts_of(fields["facts"]), fields["holder"], before, sequence, outcome)

    def judge(
        self, call: Call, facts: Facts, holder: str, before: tuple[str, str], number: int, outcome: Outcome
    ) -> None:
        """One call. before: what was made of it, action and reason. number: what it is called in examples."""
        step = self._bundle.pipeline.begin(call)
        verdict = step if isinstance(step, Verdict) else self._bundle.pipeline.finish(call, step, facts)
        outcome.judged += 1
        after = (verdict.action, verdict.reason)
        outcome.actions[before[0], after[0]] += 1
        if before == after:
            outcome.unchanged += 1
            return
        change = Change(holder, before, after)
        outcome.changes[change] += 1
        examples = outcome.examples.setdefault(change, [])
        if len(examples) < EXAMPLES:
            examples.append(number)
        if before[0] == "forward" and after[0] != "forward" and not isinstance(facts.consent, Unknown):
            outcome.consented[change] += facts.consent.granted


def _invite(fields: Fields) -> bytes:
    """An INVITE that says what the recorded one said."""
    lines = [
        f"INVITE {fields['request_uri']} SIP/2.0",
        "Via: SIP/2.0/UDP ringfence.invalid;branch=z9hG4bKreplay",
        f"From: {fields['from']}",
        f"To: {fields['to']}",
        f"Call-ID: {fields['call_id']}",
        "CSeq: 1 INVITE",
    ]
    for name, field in (
        ("P-Asserted-Identity", "asserted"),
        ("P-Preferred-Identity", "preferred"),
        ("Diversion", "diversion"),
        ("Privacy", "privacy"),
    ):
        if fields[field]:
            lines += [f"{name}: {value}" for value in fields[field].split("\r")]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "surrogateescape")


def facts_of(text: str) -> Facts:
    """The facts as a record has them; what is not in it is unknown."""
    values = _NONE.copy()
    for part in text.split("\r") if text else ():
        name, fact = _fact(part)
        if name in KINDS:
            values[name] = fact
    return Facts(**values)


@lru_cache(maxsize=FACTS_KEPT)
def _fact(part: str) -> tuple[str, Any]:
    """Its name, and what was learned; None of a fact that this version does not know."""
    name, _, written = part.partition("=")
    if name not in KINDS:
        return name, None
    value = orjson.loads(written)
    return name, Unknown(value) if isinstance(value, str) else KINDS[name](*value)


class _Worker:
    """What a worker process judges by, and where it reads."""

    def __init__(self, policy: Path, library: Library, begin: int) -> None:
        self.judge = Judge(load_bundle(policy))
        self.library = library
        self.begin = begin


_worker: _Worker | None = None


def _prepare(policy: Path, folder: Path, ring: KeyRing | None, begin: int) -> None:
    global _worker
    _worker = _Worker(policy, Library(folder, None if ring is None else lambda: ring), begin)


def _work(segment: Path) -> list[tuple[int, Outcome]]:
    assert _worker is not None
    return list(_judged(_worker.judge, _worker.library.decisions_of(segment, _worker.begin)))


def _judged(judge: Judge, decisions: Iterator[tuple[int, bytes]]) -> Iterator[tuple[int, Outcome]]:
    """(decisions, what was found), a chunk at a time."""
    while chunk := list(islice(decisions, CHUNK)):
        yield len(chunk), judge.take(chunk)


def replay(
    policy: Path,
    library: Library,
    begin: int,
    progress: Callable[[int], None] | None = None,
    workers: int | None = None,
) -> Outcome:
    """Judge decisions since `begin` (microseconds) by the settings in a file. progress: told how many are done.

    workers: processes, each of which reads and judges whole segments; None: the cores.
    Raises ConfigError for a policy with faults, RecordsError for records that cannot be read.
    """
    judge = Judge(load_bundle(policy))
    total = Outcome()
    segments = library.since(begin)
    count = min(workers or len(os.sched_getaffinity(0)), len(segments))
    if count <= 1 or library.estimate(begin) < ALONE:
        _add(total, _judged(judge, library.decisions(begin)), progress)
        return total
    ring = None if library.keys is None else library.keys()
    # Not forked: this process may have threads of a progress bar.
    with multiprocessing.get_context("spawn").Pool(count, _prepare, (policy, library.folder, ring, begin)) as pool:
        _add(total, (part for parts in pool.imap(_work, segments) for part in parts), progress)
    return total


def _add(total: Outcome, parts: Iterable[tuple[int, Outcome]], progress: Callable[[int], None] | None) -> None:
    done = 0
    for size, outcome in parts:
        total.merge(outcome)
        done += size
        if progress is not None:
            progress(done)
