"""The table of machines and its twin in C, by the same steps."""

from __future__ import annotations

import gc
import random
import sys
import weakref
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.twins import both

from ringfence.transaction.machines import MASK, MachinesPure, digest_pure

BOTH = both(MachinesPure)


class Machine:
    """Only its identity matters."""


@pytest.mark.parametrize("kind", BOTH)
def test_what_was_added_is_found_until_it_is_removed(kind: type[MachinesPure[object]]) -> None:
    table = kind()
    one, other = Machine(), Machine()
    assert (len(table), table.get(0), table.values()) == (0, None, [])
    table.add(0, one)
    table.add(MASK, other)
    assert (len(table), table.get(0), table.get(MASK), table.get(1)) == (2, one, other, None)
    table.add(0, other)  # in place of the first
    assert (len(table), table.get(0)) == (2, other)
    table.remove(0)
    table.remove(0)  # twice is once
    assert (len(table), table.get(0), table.values()) == (1, None, [other])


# Few homes and many neighbours, at the end of the table too: chains that cross, wrap and close up again.
DIGESTS = st.integers(0, 9).map(lambda low: low if low < 4 else 68 - low) | st.integers(0, 3).map(lambda n: n << 40)
STEPS = st.lists(st.tuples(st.sampled_from(["add", "remove"]), DIGESTS), max_size=200)


@pytest.mark.parametrize("kind", BOTH)
@settings(max_examples=300)
@given(steps=STEPS)
def test_any_steps_leave_what_a_dictionary_has(kind: type[MachinesPure[object]], steps: list[tuple[str, int]]) -> None:
    table, model = kind(), dict[int, Machine]()
    for step, at in steps:
        if step == "add":
            model[at] = Machine()
            table.add(at, model[at])
        else:
            model.pop(at, None)
            table.remove(at)
        assert len(table) == len(model)
        for each in {at for _, at in steps}:
            assert table.get(each) is model.get(each)
    assert set(map(id, table.values())) == set(map(id, model.values()))


@pytest.mark.parametrize("kind", BOTH)
def test_hundreds_of_thousands_come_and_go(kind: type[MachinesPure[object]]) -> None:
    dice = random.Random(1)
    table = kind()
    machine = Machine()
    held = sys.getrefcount(machine)
    digests = [dice.getrandbits(62) for _ in range(300_000)]
    for at in digests:
        table.add(at, machine)
    assert len(table) == 300_000
    for at in digests[:299_000]:
        table.remove(at)
    assert [table.get(at) for at in digests[299_000:]] == [machine] * 1_000
    assert not any(table.get(at) for at in digests[:1_000])
    assert sys.getrefcount(machine) == held + 1_000
    del table
    gc.collect()
    assert sys.getrefcount(machine) == held


@pytest.mark.parametrize("kind", BOTH)
def test_a_circle_through_the_table_is_the_collectors(kind: type[MachinesPure[object]]) -> None:
    table, machine = kind(), Machine()
    machine.table = table  # type: ignore[attr-defined]
    table.add(7, machine)
    gone = weakref.ref(machine)
    del table, machine
    gc.collect()
    assert gone() is None


@pytest.mark.parametrize("kind", BOTH[1:])
@pytest.mark.parametrize("wrong", [-1, MASK + 1, 1 << 63, 1 << 100, "1", None, 1.0])
def test_what_is_no_digest_is_refused(wrong: Any, kind: type[MachinesPure[object]]) -> None:
    table = kind()
    for call in (table.get, table.remove, lambda digest: table.add(digest, None)):
        with pytest.raises((TypeError, ValueError, OverflowError)):
            call(wrong)
    for arguments in ((), (1,), (1, 2, 3)):
        with pytest.raises(TypeError):
            table.add(*arguments)  # type: ignore[call-arg]
    assert len(table) == 0


@pytest.mark.parametrize("digest", both(digest_pure))
@given(key=st.binary(max_size=100))
def test_digests_are_the_same_and_fit(key: bytes, digest: Callable[[bytes], int]) -> None:
    assert digest(key) == digest_pure(key) == digest(bytes(bytearray(key)))
    assert 0 <= digest(key) <= MASK


@pytest.mark.parametrize("digest", both(digest_pure)[1:])
def test_only_bytes_have_a_digest(digest: Callable[[Any], int]) -> None:
    for wrong in ("text", bytearray(b"x"), None):
        with pytest.raises(TypeError):
            digest(wrong)
