import pytest

from ringfence.telemetry.histogram import Histogram


@pytest.mark.parametrize(("value", "bucket"), [(0.0, 0), (0.1, 0), (0.11, 1), (1.0, 1), (1.01, 2), (99.0, 2)])
def test_a_bound_belongs_to_the_bucket_below_it(value: float, bucket: int) -> None:
    histogram = Histogram((0.1, 1.0))
    histogram.observe(value)
    counts = [0, 0, 0]
    counts[bucket] = 1
    assert histogram.plain() == {"bounds": [0.1, 1.0], "counts": counts, "sum": value}


def test_what_was_given_out_does_not_change() -> None:
    histogram = Histogram((1.0,))
    plain = histogram.plain()
    histogram.observe(0.5)
    assert plain == {"bounds": [1.0], "counts": [0, 0], "sum": 0.0}
