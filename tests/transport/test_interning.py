from ringfence.transport.interning import Interned


def test_what_is_put_is_found_and_can_be_dropped() -> None:
    table: Interned[int, str] = Interned(10)
    table.put(1, "one")
    assert table.find(1) == "one"
    table.drop(1)
    table.drop(1)
    assert table.find(1) is None


def test_a_flood_keeps_the_bound_and_those_who_are_heard() -> None:
    table: Interned[int, str] = Interned(100)
    table.put(-1, "regular")
    for stranger in range(10_000):
        table.put(stranger, "stranger")
        if stranger % 20 == 0:
            assert table.find(-1) == "regular"
        assert len(table) <= 100
    assert table.find(0) is None
    assert table.find(9_999) == "stranger"


def test_dropping_reaches_the_old_generation() -> None:
    table: Interned[int, str] = Interned(4)
    for number in range(3):
        table.put(number, "x")
    table.drop(0)
    assert table.find(0) is None
    assert table.find(1) == "x"
