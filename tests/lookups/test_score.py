import pytest
from tests.support.asking import SECRET, call

from ringfence.lookups import Keys
from ringfence.lookups.score import ScoreQuestion
from ringfence.screening import Score, Unknown


@pytest.mark.parametrize(
    ("reply", "fact"),
    [
        (None, Score(0.0)),
        (b"0", Score(0.0)),
        (b"72.5", Score(72.5)),
        (b"100", Score(100.0)),
        (b"100.1", Unknown("wrong_reply")),
        (b"-1", Unknown("wrong_reply")),
        (b"nan", Unknown("wrong_reply")),
        (b"inf", Unknown("wrong_reply")),
        (b"high", Unknown("wrong_reply")),
        (b"\xff", Unknown("wrong_reply")),
        (80, Unknown("wrong_reply")),
    ],
)
def test_what_stands_for_a_caller(reply: object, fact: object):
    assert ScoreQuestion(Keys("", SECRET)).fact(call(), [b"before", reply], 1) == fact
