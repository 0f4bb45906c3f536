"""One proxy under test, from start to figures."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from tests.bench.figures import Figure
from tests.bench.load import FIRST_CALLER, Generator, LoadFailed, Outcome
from tests.bench.machine import Usage, calibration, cpu, memory
from tests.bench.proxies import Place, Subject
from tests.support.process import Process

REFUSED_CALLER = 8613700001000  # outside every granted range
_HALF = 0.5


@dataclass(frozen=True)
class Plan:
    """How long to measure; times in seconds.

    warm: fixed-rate load before the first run. A proxy keeps a transaction for up to 32 s after its end (RFC 6026
    Timers L and M), so only from then on does a run pay for the endings of as many calls as it begins.
    rate: calls a second at which latency is taken, 0 for half of what the subject bears.
    parked: calls in progress when memory is read, 0 leaves that out.
    """

    warm: float = 35
    runs: int = 5
    run: float = 3
    half_runs: int = 5
    half_run: float = 3
    parked: int = 10_000
    rate: float = 0


QUICK = Plan(warm=1, runs=5, run=0.5, half_runs=3, half_run=0.7, parked=0)


@dataclass(frozen=True)
class Bench:
    """The two ends of every call and where everything runs."""

    generator: Generator
    place: Place
    plan: Plan

    def measure(self, subject: Subject) -> list[Figure]:
        """Every figure of one subject. Raises LoadFailed when a call ended otherwise than it should."""
        ruler = calibration(self.place.core)
        with tempfile.TemporaryDirectory(prefix="ringfence-bench-") as folder:
            proxy = subject.start(replace(self.place, folder=Path(folder)))
            try:
                figures = self._under_load(subject, proxy)
            finally:
                proxy.kill()  # at once: an orderly end of so many calls takes Kamailio a minute
        if self.plan.parked and subject.holds_calls:
            figures += [self._parked(subject, at) for at in ("ringing", "answered")]
        return [*figures, Figure(f"{subject.name}.calibration", "µs", (ruler,))]

    def _under_load(self, subject: Subject, proxy: Process) -> list[Figure]:
        plan = self.plan
        pids = proxy.pids()
        guess = self._play(subject, seconds=min(1.0, plan.run)).calls_per_second
        self._play(subject, seconds=plan.warm, rate=guess * _HALF)
        full = [self._metered(subject, pids, seconds=plan.run) for _ in range(plan.runs)]
        rates = Figure(f"{subject.name}.calls_per_second", "1/s", tuple(o.calls_per_second for o, _ in full))
        rate = plan.rate or rates.value * _HALF
        half = [self._metered(subject, pids, seconds=plan.half_run, rate=rate) for _ in range(plan.half_runs)]
        return [*_costs(subject.name, full), rates, *_at_half_load(subject, half)]

    def _play(self, subject: Subject, **options: float) -> Outcome:
        caller = REFUSED_CALLER if subject.refuses else FIRST_CALLER
        generator = replace(self.generator, window=self.generator.window * subject.workers)
        outcome = generator.run(first_caller=caller, **options)
        wanted = sum(outcome.rejected.values()) if subject.refuses else outcome.completed
        if wanted != outcome.started:
            raise LoadFailed(f"{subject.name}: not every call ended as it should: {outcome}")
        return outcome

    def _metered(self, subject: Subject, pids: list[int], **options: float) -> tuple[Outcome, Usage]:
        before = cpu(pids)
        outcome = self._play(subject, **options)
        return outcome, cpu(pids).since(before)

    def _parked(self, subject: Subject, at: str) -> Figure:
        """Memory a call costs while it rings, or once it was answered, in a proxy that is fresh but for 500 calls."""
        with tempfile.TemporaryDirectory(prefix="ringfence-bench-") as folder:
            proxy = subject.start(replace(self.place, folder=Path(folder), settled=False))
            try:
                self.generator.run(calls=500)
                before = memory(proxy.pids())
                held: list[int] = []
                outcome = self.generator.park(self.plan.parked, at, 1000, lambda: held.append(memory(proxy.pids())))
            finally:
                proxy.kill()  # at once: an orderly end of so many calls takes Kamailio a minute
        if outcome.completed != outcome.started:
            raise LoadFailed(f"{subject.name}: not every parked call was completed: {outcome}")
        return Figure(f"{subject.name}.memory_{at}", "bytes/call", ((held[0] - before) / self.plan.parked,))


def _costs(name: str, metered: list[tuple[Outcome, Usage]]) -> list[Figure]:
    user = tuple(used.user / outcome.ended * 1e6 for outcome, used in metered)
    system = tuple(used.system / outcome.ended * 1e6 for outcome, used in metered)
    both = tuple(sum(pair) for pair in zip(user, system, strict=True))
    return [
        Figure(f"{name}.cpu", "µs/call", both),
        Figure(f"{name}.user", "µs/call", user),
        Figure(f"{name}.system", "µs/call", system),
    ]


def _at_half_load(subject: Subject, metered: list[tuple[Outcome, Usage]]) -> list[Figure]:
    """The INVITE's way to the callee, or to its refusal, and CPU a call, at half the saturated rate or the plan's own."""
    figures = [
        Figure(
            f"{subject.name}.half_load_cpu",
            "µs/call",
            tuple((used.user + used.system) / outcome.ended * 1e6 for outcome, used in metered),
        )
    ]
    for part in ("p50", "p99"):
        times = [outcome.to_final_us if subject.refuses else outcome.to_callee_us for outcome, _ in metered]
        runs = tuple(each[part] / 1000 for each in times if each is not None)
        figures.append(Figure(f"{subject.name}.latency_{part}", "ms", runs))
    return figures
