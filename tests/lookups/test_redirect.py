import hiredis
import pytest
from tests.support.asking import NOON, SECRET, call

from ringfence.lookups import Address, Keys
from ringfence.lookups.caller_rate import CallerRateQuestion
from ringfence.lookups.questions import command
from ringfence.lookups.redirect import Elsewhere, Redirected, elsewhere, placed
from ringfence.lookups.slots import split
from ringfence.screening import Rate, Unknown

ASK = hiredis.ReplyError("ASK 7 10.0.0.9:6380")


@pytest.mark.parametrize(
    ("reply", "found"),
    [
        (hiredis.ReplyError("MOVED 3999 127.0.0.1:6381"), Elsewhere(True, 3999, "127.0.0.1", 6381)),
        (hiredis.ReplyError("ASK 3999 ::1:6381"), Elsewhere(False, 3999, "::1", 6381)),
        (hiredis.ReplyError("MOVED 3999 :6381"), Elsewhere(True, 3999, "", 6381)),
        (hiredis.ReplyError("MOVED 3999 node.example:6381 more"), Elsewhere(True, 3999, "node.example", 6381)),
        (hiredis.ReplyError("MOVED x 127.0.0.1:6381"), None),
        (hiredis.ReplyError("MOVED 1 127.0.0.1"), None),
        (hiredis.ReplyError("CLUSTERDOWN The cluster is down"), None),
        (b"MOVED 3999 127.0.0.1:6381", None),
        (None, None),
    ],
)
def test_what_redirects(reply: object, found: Elsewhere | None):
    assert elsewhere(reply) == found


def test_the_named_server_is_reached_as_the_one_that_was_asked():
    asked = Address("a.example", 6379, tls=True, username="u", password="p", ca="c")
    assert placed(Elsewhere(True, 1, "b.example", 7000), asked) == asked._replace(host="b.example", port=7000)
    assert placed(Elsewhere(True, 1, "", 7000), asked) == asked._replace(port=7000)


def test_only_what_was_not_carried_out_goes_out_again():
    """The attempt was counted where the slot was; the window before lives where it goes: nothing counts twice."""
    question = CallerRateQuestion(Keys("", SECRET), 60.0)
    one = call(at=NOON)
    commands = question.commands(one)
    assert isinstance(commands, bytes)
    again = Redirected(question, commands, [None, 5, ASK])
    assert again.data == command(b"ASKING") + split(commands)[2]
    assert (again.need, again.replies, again.commands(one)) == (question.need, 2, again.data)
    assert again.fact(one, [b"before", b"OK", b"10"], 1) == Rate(15, 60.0)


def test_moved_commands_go_out_as_they_are():
    question = CallerRateQuestion(Keys("", SECRET), 60.0)
    commands = question.commands(call())
    assert isinstance(commands, bytes)
    moved = hiredis.ReplyError("MOVED 7 10.0.0.9:6380")
    again = Redirected(question, commands, [moved, moved, moved])
    assert (again.data, again.replies) == (commands, 3)
    assert again.fact(call(), [b"OK", 1, None], 0) == Rate(1, 60.0)
    again = Redirected(question, commands, [moved, moved, moved])
    assert again.fact(call(), [moved, moved, moved], 0) == Unknown("store_moved")
