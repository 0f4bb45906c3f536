from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.transaction.support import pairs

from ringfence.transaction import timers as t
from ringfence.transaction.effects import Effects
from ringfence.transaction.timers import TOGETHER, TimerQueue, Timers


class Sleeper:
    """A machine of which only the identity matters."""

    def fire(self, timer: int, now: float, out: Effects) -> int:
        return 0


def test_every_letter_is_a_timer_of_its_own() -> None:
    letters = [getattr(t, name) for name in "ABDEFGHIJKLM"]
    assert len({*letters, t.OWNER}) == 13


def test_durations_follow_from_t1() -> None:
    assert (Timers().completed, Timers().d) == (32.0, 32.0)
    assert (Timers(t1=1.0).completed, Timers(t1=1.0).d) == (64.0, 64.0)
    assert (Timers(t1=0.1).completed, Timers(t1=0.1).d) == (6.4, 32.0)


def test_nothing_is_due_in_an_empty_queue() -> None:
    queue = TimerQueue()
    assert (queue.due(1e9), queue.next_deadline(), len(queue)) == ([], None, 0)


def test_order_and_deadlines() -> None:
    queue = TimerQueue()
    one, two = Sleeper(), Sleeper()
    queue.arm(0.0, 32.0, one, t.B)
    queue.arm(0.0, 0.5, one, t.A)
    queue.arm(0.2, 0.5, two, t.A)
    queue.arm(0.2, 0.0, two, t.K)
    assert (queue.next_deadline(), len(queue)) == (0.2, 4)
    assert queue.due(0.1) == []
    assert pairs(queue.due(0.2)) == [(two, t.K)]
    assert pairs(queue.due(0.7)) == [(one, t.A), (two, t.A)]  # at its moment, not after it
    assert (queue.next_deadline(), len(queue)) == (32.0, 1)
    assert queue.due(31.9) == []
    assert pairs(queue.due(1e9)) == [(one, t.B)]
    assert (queue.due(1e9), queue.next_deadline()) == ([], None)


def test_a_machine_may_arm_while_what_is_due_is_handed_out() -> None:
    queue = TimerQueue()
    sleeper = Sleeper()
    queue.arm(0.0, 1.0, sleeper, t.A)
    for machine, timer in pairs(queue.due(1.0)):
        queue.arm(1.0, 2.0, machine, timer)
        queue.arm(1.0, 0.0, machine, t.D)
    assert pairs(queue.due(1.0)) == [(sleeper, t.D)]
    assert queue.next_deadline() == 3.0


def test_what_is_armed_nearly_together_is_due_with_its_last() -> None:
    queue = TimerQueue()
    sleepers = [Sleeper() for _ in range(4)]
    for number, now in enumerate((0.0, 0.004, 0.5 * TOGETHER, TOGETHER)):
        queue.arm(now, 1.0, sleepers[number], number)
    assert queue.next_deadline() == 1.0 + 0.5 * TOGETHER
    assert queue.due(1.0) == []  # never early
    assert pairs(queue.due(1.0 + 0.5 * TOGETHER)) == [(sleepers[number], number) for number in range(3)]
    assert pairs(queue.due(1.0 + TOGETHER)) == [(sleepers[3], 3)]


STEPS = st.lists(
    st.tuples(
        st.integers(0, 8),  # quarter seconds that pass
        st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0, 5.0, 32.0]), max_size=4),  # what is armed then
        st.booleans(),  # whether anybody looks
    ),
    max_size=20,
)


@settings(max_examples=100)
@given(STEPS)
def test_each_wake_up_comes_once_in_time_and_in_order(steps: list[tuple[int, list[float], bool]]) -> None:
    queue = TimerQueue()
    armed: list[tuple[float, float, int]] = []  # deadline, duration, number
    now = 0.0
    sleepers: dict[int, Sleeper] = {}
    for passed, durations, looked in [*steps, (400, [], True)]:
        now += passed / 4
        for duration in durations:
            number = len(sleepers)
            sleepers[number] = Sleeper()
            queue.arm(now, duration, sleepers[number], number)
            armed.append((now + duration, duration, number))
        assert len(queue) == len(armed)
        assert queue.next_deadline() == min((deadline for deadline, _, _ in armed), default=None)
        if not looked:
            continue
        got = pairs(queue.due(now))
        due = [entry for entry in armed if entry[0] <= now]
        armed = [entry for entry in armed if entry[0] > now]
        assert sorted(number for _, number in got) == sorted(number for _, _, number in due)
        assert all(machine is sleepers[number] for machine, number in got)
        place = {number: at for at, (_, number) in enumerate(got)}
        for duration in {duration for _, duration, _ in due}:
            places = [place[number] for _, own, number in due if own == duration]
            assert places == sorted(places)
    assert (len(queue), queue.next_deadline()) == (0, None)
