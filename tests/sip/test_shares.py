"""Which worker a message is for, as the parser would read its Call-ID."""

from __future__ import annotations

from collections import Counter

import pytest
from tests.fuzz.differential import Mutator
from tests.support.messages import request, response
from tests.support.torture import rfc4475

from ringfence.sip.errors import SipError
from ringfence.sip.message import parse
from ringfence.sip.shares import share_of, share_of_message

MANY = 1_000_000  # as many workers as there never are: different Call-IDs hardly ever meet


def spelled(line: bytes) -> bytes:
    return request(line, Call_ID=None)


@pytest.mark.parametrize(
    "data",
    [
        spelled(b"Call-ID: a@b"),
        spelled(b"i: a@b"),
        spelled(b"I:a@b"),
        spelled(b"CALL-id \t :\t a@b \t"),
        spelled(b"Call-ID:\r\n a@b\r\n\t"),
        spelled(b"Call-ID: a@b\r\nCall-ID: another@one"),
        spelled(b"Identity: i:x\r\nX-Call-ID: x\r\nCall-IDs: x\r\nCall-ID x: x\r\nCall-ID: a@b"),
        response(Call_ID=b"a@b"),
        spelled(b"Call-ID: a@b")[:-4],
        b"\r\ni:a@b",
    ],
)
def test_a_call_id_is_found_however_it_is_spelled(data: bytes) -> None:
    assert share_of_message(data, MANY) == share_of(b"a@b", MANY)


@pytest.mark.parametrize(
    "data",
    [b"", b"noise", request(Call_ID=None), request(Call_ID=None, body=b"\r\nCall-ID: a@b\r\n"), b"Call-ID: a@b\r\n"],
)
def test_without_a_call_id_it_is_the_first_workers(data: bytes) -> None:
    assert share_of_message(data, MANY) == 0


@pytest.mark.parametrize("case", rfc4475(), ids=lambda case: case.file)
def test_the_torture_messages_go_where_their_call_id_says(case: object) -> None:
    agrees(case.data)  # type: ignore[attr-defined]


def test_parser_and_share_agree_on_whatever_the_parser_takes() -> None:
    mutate = Mutator(5)
    read = sum(agrees(mutate()) for _ in range(4_000))
    assert read > 1_000


def agrees(data: bytes) -> bool:
    """Whether the parser reads it; then both see the same Call-ID."""
    try:
        message = parse(data)
    except SipError:
        return False
    assert share_of_message(data, MANY) == share_of(message.call_id, MANY)
    return True


@pytest.mark.parametrize("workers", [1, 2, 3, 4, 7, 16])
@pytest.mark.parametrize("form", [b"%d-4711@192.0.2.1", b"call-%08d", b"%x", b"3848276298220188511@%d.example"])
def test_call_ids_that_count_up_are_shared_out_evenly(workers: int, form: bytes) -> None:
    calls = 20_000
    counts = Counter(share_of(form % number, workers) for number in range(calls))
    assert sorted(counts) == list(range(workers))
    even = calls / workers
    assert all(abs(count - even) < max(0.05 * even, 5 * even**0.5) for count in counts.values()), counts
