"""Which of several final answers goes back to the caller (RFC 3261 §16.7 items 6 and 7)."""

from __future__ import annotations

from collections.abc import Sequence

from ringfence.sip import headers as h
from ringfence.sip.message import Response
from ringfence.sip.writer import without_top_via

# §16.7 item 6: "should give preference to responses that provide information affecting resubmission of this request".
_RESUBMISSION = (401, 407, 415, 420, 484)


class Answer:
    """A final answer that waits: one from a gateway, or our own reason why there is none.

    response: None for our own (a timeout counts as 408, a dead transport as 503: §16.8, §16.9).
    """

    __slots__ = ("response", "status")

    def __init__(self, status: int, response: Response | None) -> None:
        self.status = status
        self.response = response


def best_of(answers: Sequence[Answer]) -> Answer:
    """6xx beats all; else the lowest class, within it first what helps the caller to try again, then what was really
    said downstream before our own words, then the first to come. At least one answer is needed."""
    return min(answers, key=_rank)


def _rank(answer: Answer) -> tuple[int, int, bool]:
    status_class = answer.status // 100
    return (
        0 if status_class == 6 else status_class,
        0 if answer.status in _RESUBMISSION else 2 if answer.status == 503 else 1,
        answer.response is None,
    )


def passed_on(chosen: Answer, answers: Sequence[Answer]) -> bytes:
    """The bytes of a downstream answer as the caller gets it.

    §16.7 item 6: a 503 must not tell the caller that *we* are overloaded, so it goes on as 500.
    §16.7 item 7: a 401 or 407 carries the challenges of all that came with one.
    All else, 603, 607, 608 and Reason header fields above all (RFC 8197, 8688, 3326), passes untouched.
    """
    response = chosen.response
    assert response is not None
    data = without_top_via(response)
    if chosen.status == 503:
        return b"SIP/2.0 500 Server Internal Error" + data[data.index(b"\r\n") :]
    if chosen.status in (401, 407):
        challenges = b"".join(
            other.response.data[start:end]
            for other in answers
            if other is not chosen and other.response is not None and other.status in (401, 407)
            for field in (h.WWW_AUTHENTICATE, h.PROXY_AUTHENTICATE)
            for start, end in other.response.index.spans(field)
        )
        line_end = data.index(b"\r\n") + 2
        return data[:line_end] + challenges + data[line_end:]
    return data
