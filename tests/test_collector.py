from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Iterator

import pytest

from ringfence import collector


class Knot:
    """Only the collector frees it."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)


def test_only_the_young_are_walked_over_by_themselves() -> None:
    collector.spare()
    assert gc.get_threshold() == (collector.YOUNG, collector.NEVER, collector.NEVER)


def test_young_cycles_are_still_collected() -> None:
    collector.spare()
    gone = weakref.ref(Knot())
    kept = [[] for _ in range(2 * collector.YOUNG)]  # type: ignore[var-annotated]
    assert gone() is None and kept


def test_a_glance_leaves_the_next_look_little_though_as_much_was_freed_as_made() -> None:
    ended = [[] for _ in range(50 * collector.YOUNG)]  # type: ignore[var-annotated]
    collector.spare()
    begun = []
    for _ in range(len(ended) // collector.YOUNG):
        for _ in range(collector.YOUNG):
            begun.append([])
            ended.pop()
        collector.glance()
        assert len(gc.get_objects(0)) < 2 * collector.YOUNG
    assert len(begun) == 50 * collector.YOUNG


@pytest.mark.parametrize(
    ("quiet", "left_behind", "at_last", "collected"),
    [
        (True, 0, 60.0, True),
        (False, 0, 60.0, False),
        (False, 0, 0.1, True),
        (False, collector.MOST - 1, 60.0, False),
        (False, collector.MOST, 60.0, True),
    ],
)
async def test_old_cycles_go_while_the_house_is_quiet_or_connections_left_too_much_or_at_last(
    quiet: bool, left_behind: int, at_last: float, collected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collector, "TIDY_AT_LAST", at_last)
    monkeypatch.setattr(collector, "TIDY_EVERY", 0.01)
    monkeypatch.setattr(collector, "LOOK_EVERY", 0.01)
    left = iter([0])
    knot = Knot()
    gone = weakref.ref(knot)
    collector.spare()
    del knot
    task = asyncio.create_task(collector.tidy(lambda: quiet, lambda: next(left, left_behind)))
    await asyncio.sleep(0.3)
    task.cancel()
    assert (gone() is None) == collected
