from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.forwarding.support import response
from tests.support import messages

from ringfence.forwarding.best import Answer, best_of, passed_on
from ringfence.sip.message import parse


def real(status: int, *more: bytes) -> Answer:
    return Answer(status, response(status, *more))


def own(status: int) -> Answer:
    return Answer(status, None)


@pytest.mark.parametrize(
    ("answers", "chosen"),
    [
        ([real(486)], 0),
        ([own(408)], 0),
        ([real(486), real(603), real(302)], 1),  # §16.7 item 6: a 6xx beats all
        ([real(603), real(600)], 0),  # the first to come, among equals
        ([real(500), real(486), real(302)], 2),  # else the lowest class
        ([real(500), real(404)], 1),
        ([real(404), real(401)], 1),  # what helps to try again
        ([real(404), real(407)], 1),
        ([real(404), real(415)], 1),
        ([real(404), real(420)], 1),
        ([real(404), real(484)], 1),
        ([real(484), real(401)], 0),
        ([real(401), real(302)], 1),  # but only within a class
        ([real(503), real(500)], 1),  # a 503 last within its own
        ([real(503), real(404)], 1),
        ([real(503)], 0),
        ([own(408), real(404)], 1),  # what was said before what was not
        ([real(404), own(408)], 0),
        ([own(408), real(500)], 0),  # §16.8: a timeout is a 408, and so of a lower class
        ([own(503), real(503)], 1),
        ([own(487), own(408)], 0),
    ],
)
def test_which_is_best(answers: list[Answer], chosen: int) -> None:
    assert best_of(answers) is answers[chosen]


@settings(max_examples=100)
@given(st.lists(st.builds(Answer, st.integers(300, 699), st.none()), min_size=1, max_size=6))
def test_the_class_is_the_lowest_unless_a_6xx_came(answers: list[Answer]) -> None:
    best = best_of(answers)
    classes = {answer.status // 100 for answer in answers}
    assert best in answers
    assert best.status // 100 == (6 if 6 in classes else min(classes))
    if best.status == 503:
        assert all(answer.status == 503 for answer in answers if answer.status // 100 == 5)


@pytest.mark.parametrize("status", [302, 404, 408, 486, 500, 600, 603, 607, 608])
def test_answers_pass_untouched(status: int) -> None:
    """RFC 8197, 8688, 3326: phrase, Reason, Call-Info, unknown fields and the body come through."""
    more = (
        b'Reason: Q.850 ;cause=21;text="call rejected"',
        b"Call-Info: <https://redress.example/608>;purpose=jwscard",
        b"X-Unknown:  \tas it was",
    )
    said = response(status, *more, phrase=b"Verboten \xe6\x8b\x92", body=b"why\0")
    chosen = Answer(status, said)
    assert passed_on(chosen, [real(401, b"WWW-Authenticate: x"), chosen]) == messages.response(
        *more,
        line=b"SIP/2.0 %d Verboten \xe6\x8b\x92" % status,
        body=b"why\0",
        Via=b"SIP/2.0/UDP 192.0.2.10;branch=z9hG4bK776a",
    )


def test_a_503_goes_on_as_500() -> None:
    """§16.7 item 6: it is not us who are overloaded."""
    chosen = real(503, b"Retry-After: 120")
    assert passed_on(chosen, [chosen]) == messages.response(
        b"Retry-After: 120",
        line=b"SIP/2.0 500 Server Internal Error",
        Via=b"SIP/2.0/UDP 192.0.2.10;branch=z9hG4bK776a",
    )


@pytest.mark.parametrize("status", [401, 407])
def test_a_challenge_carries_all_challenges(status: int) -> None:
    """§16.7 item 7: of every other 401 and 407, none of other answers; without modification."""
    chosen = real(status, b'WWW-Authenticate: Digest realm="one"')
    others = [
        real(407, b'proxy-authenticate : Digest realm="two",\r\n nonce="x"', b"X-Other: not taken"),
        real(401, b'WWW-Authenticate: Digest realm="three"', b'Proxy-Authenticate: Digest realm="four"'),
        real(404, b'WWW-Authenticate: Digest realm="five"'),
        own(401),
    ]
    data = passed_on(chosen, [others[0], chosen, *others[1:]])
    assert data == (
        b"SIP/2.0 %d What\r\n" % status + b'proxy-authenticate : Digest realm="two",\r\n nonce="x"\r\n'
        b'WWW-Authenticate: Digest realm="three"\r\nProxy-Authenticate: Digest realm="four"\r\n'
        + messages.response(
            b'WWW-Authenticate: Digest realm="one"',
            line=b"",
            Via=b"SIP/2.0/UDP 192.0.2.10;branch=z9hG4bK776a",
        )[2:]
    )
    parse(data)
