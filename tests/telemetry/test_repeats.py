from ringfence.telemetry.repeats import Repeats


def test_the_first_few_of_a_window_pass_and_the_next_window_tells_the_rest() -> None:
    repeats = Repeats(allowed=2, window=10.0)
    assert [repeats.admit("a", now) for now in (0.0, 1.0, 2.0, 9.9)] == [0, 0, None, None]
    assert [repeats.admit("a", now) for now in (10.0, 10.1, 10.2)] == [2, 0, None]
    assert repeats.admit("a", 50.0) == 1


def test_kinds_do_not_disturb_each_other() -> None:
    repeats = Repeats(allowed=1)
    assert [repeats.admit(kind, 0.0) for kind in ("a", "b", "a")] == [0, 0, None]


def test_a_flood_of_new_kinds_shares_one_allowance() -> None:
    repeats = Repeats(allowed=3, window=10.0, kinds=5)
    passed = sum(repeats.admit(f"kind {number}", 0.0) is not None for number in range(1_000))
    assert passed == 5 + 3
    assert repeats.admit("kind 0", 0.0) == 0
