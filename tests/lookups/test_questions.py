from typing import Any

import hiredis
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.asking import SECRET, call
from tests.support.index import fixed_view

from ringfence.lookups import Keys
from ringfence.lookups.caller_rate import CallerRateQuestion
from ringfence.lookups.consent import ConsentQuestion
from ringfence.lookups.questions import NO_NUMBER, Question, command, template, unusable
from ringfence.lookups.score import ScoreQuestion
from ringfence.screening import Consent, Rate, Score, Unknown

REPLY = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.binary(max_size=20)
    | st.from_regex(rb"[+-][0-9]{0,20}", fullmatch=True)
    | st.just(hiredis.ReplyError("LOADING x")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.binary(max_size=3), inner, max_size=2),
    max_leaves=4,
)


def questions(prefix: str = "rf:") -> list[Question]:
    keys = Keys(prefix, SECRET)
    return [ConsentQuestion(fixed_view(keys)), ScoreQuestion(keys), CallerRateQuestion(keys, 60.0)]


@given(st.lists(REPLY, min_size=3, max_size=3))
def test_whatever_a_store_says_is_a_fact_or_unknown(replies: list[Any]):
    for question in questions():
        assert isinstance(question.fact(call(), replies, 0), Consent | Score | Rate | Unknown)


@given(st.lists(st.binary(max_size=30), min_size=1, max_size=5))
def test_commands_are_read_by_another_parser_as_they_were_meant(parts: list[bytes]):
    reader = hiredis.Reader()
    reader.feed(command(*parts))
    assert reader.gets() == parts


def test_a_prefix_with_a_percent_sign_is_taken_as_it_is():
    for question in questions(prefix="50%s:"):
        reader = hiredis.Reader()
        commands = question.commands(call())
        assert isinstance(commands, bytes)
        reader.feed(commands)
        for _ in range(question.replies):
            assert reader.gets()[1].startswith(b"50%s:")
        assert reader.gets() is False


def test_a_template_takes_digests_wherever_the_sample_stands():
    filled = template(b"GET", b"a:SAMPLE:%d", digest=b"SAMPLE") % b"DIGEST"
    assert filled == command(b"GET", b"a:DIGEST:%d")


def test_nobody_is_asked_about_a_number_that_is_not_there():
    consent, score, rate = questions()
    assert consent.commands(call(callee="")) == NO_NUMBER
    assert score.commands(call(caller="")) == NO_NUMBER
    assert rate.commands(call(caller="")) == NO_NUMBER


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (hiredis.ReplyError("LOADING Redis is loading the dataset in memory"), "store_loading"),
        (hiredis.ReplyError("WRONGTYPE Operation against a key"), "store_wrongtype"),
        (hiredis.ReplyError("+86138 is odd"), "store_error"),
        (hiredis.ReplyError(""), "store_error"),
        (b"text", "wrong_reply"),
        (None, "wrong_reply"),
    ],
)
def test_why_a_reply_is_no_fact(reply: object, reason: str):
    assert unusable(reply) == Unknown(reason)
