import hiredis
import pytest
from tests.support.asking import CALLEE, HOLDER, SECRET, call

from ringfence.lookups import Keys
from ringfence.lookups.consent import ConsentQuestion
from ringfence.screening import Consent, Unknown

WRONG = Unknown("wrong_reply")


@pytest.mark.parametrize(
    ("own", "every", "fact"),
    [
        (None, None, Consent(False, False)),
        (b"+0", None, Consent(True, False)),
        (b"+1900000000", None, Consent(True, False, 1_900_000_000.0)),
        (b"+1", None, Consent(True, False, 1.0)),  # ended: the rule says so
        (b"-1700000000", None, Consent(False, True)),
        (None, b"-1700000000", Consent(False, True)),
        (b"+0", b"-1700000000", Consent(True, True)),  # a refusal of all beats it
        (b"-1700000000", b"-1700000000", Consent(False, True)),
        (None, b"+0", Consent(False, False)),  # nobody consents to everybody
        (b"+1900000000", b"+0", Consent(True, False, 1_900_000_000.0)),
        (b"", None, WRONG),
        (b"+", None, WRONG),
        (b"yes", None, WRONG),
        (b"+0", b"maybe", WRONG),  # perhaps a refusal: no consent
        (b"+1.5", None, WRONG),
        (b"+" + b"9" * 400, None, WRONG),
        (7, None, WRONG),
    ],
)
def test_what_stands_for_a_callee(own: object, every: object, fact: object):
    assert ConsentQuestion(Keys("", SECRET)).fact(call(), [b"before", [own, every], b"behind"], 1) == fact


@pytest.mark.parametrize("reply", [None, b"+0", [], [b"+0"], [b"+0", None, None], {b"a": b"b"}, 1])
def test_another_shape_is_no_fact(reply: object):
    assert ConsentQuestion(Keys("", SECRET)).fact(call(), [reply], 0) == WRONG


def test_one_command_asks_about_the_holder_and_about_all():
    keys = Keys("rf:", SECRET)
    reader = hiredis.Reader()
    reader.feed(ConsentQuestion(keys).commands(call(holder="某某科技")))
    assert reader.gets() == [b"HMGET", keys.consent(keys.digest(CALLEE)), "某某科技".encode(), b"*"]
    assert reader.gets() is False
    assert HOLDER.encode() in ConsentQuestion(keys).commands(call())
