from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.messages import request, response

from ringfence.sip.framing import PING, Ping, StreamFramer, Unframeable

A = request(body=b"first\r\n\r\n")
B = response(body=b"\r\n\r\n")
C = request(b"l : 3\r\n ", length=b"", body=b"abc")
Frames = list[bytes | Ping]


def whole(stream: bytes, limit: int = 4096) -> Frames:
    return StreamFramer(limit).feed(stream)


def test_messages_behind_each_other() -> None:
    framer = StreamFramer(4096)
    assert framer.feed(A + B + C) == [A, B, C]
    assert framer.pending == 0
    assert framer.rest == b""


def test_a_message_is_given_with_its_last_byte() -> None:
    framer = StreamFramer(4096)
    for at in range(len(A) - 1):
        assert framer.feed(A[at : at + 1]) == []
        assert framer.pending == (at + 1)
    assert framer.feed(A[-1:]) == [A]
    assert framer.pending == 0


@pytest.mark.parametrize(
    ("stream", "frames"),
    [
        (b"\r\n\r\n", [PING]),
        (b"\r\n\r\n\r\n\r\n" + A, [PING, PING, A]),
        (b"\r\n" + A, [A]),  # RFC 3261 §7.5
        (b"\r\n\r\n\r\n" + A, [PING, A]),
        (A + b"\r\n\r\n" + B + b"\r\n", [A, PING, B]),
        (b"\r\n", []),
        (b"\r", []),
    ],
)
def test_line_ends_between_messages(stream: bytes, frames: Frames) -> None:
    framer = StreamFramer(4096)
    assert framer.feed(stream) == frames
    assert framer.pending == 0


@pytest.mark.parametrize(
    "line",
    [b"Content-Length: 5", b"content-length:5", b"CONTENT-LENGTH \t: \t 5 ", b"l:5", b"L :\r\n 5", b"l: 0005\r\n  "],
)
def test_the_length_in_every_spelling(line: bytes) -> None:
    data = request(line, length=b"", body=b"hello")
    assert whole(data + A) == [data, A]


@pytest.mark.parametrize(
    "lines",
    [
        [],
        [b"Content-Length: 5", b"Content-Length: 5"],
        [b"Content-Length: 5", b"l: 4"],
        [b"l:"],
        [b"l: -1"],
        [b"l: 5, 5"],
        [b"l: 5\r\n 6"],
        [b"l: 5\r\n 6\rX"],
        [b"l: five"],
        [b"l: \xb2"],
        [b"X-l: 5"],
        [b"X: y\r\n l: 5"],
        [b"X: y\nl: 5"],
    ],
)
def test_a_length_that_cannot_be_told_loses_the_stream(lines: list[bytes]) -> None:
    bad = request(*lines, length=b"", body=b"hello")
    framer = StreamFramer(4096)
    with pytest.raises(Unframeable) as caught:
        framer.feed(A + b"\r\n\r\n" + bad)
    assert caught.value.frames == [A, PING]
    assert caught.value.status == 400
    assert framer.rest == bad
    with pytest.raises(Unframeable):
        framer.feed(A)


def test_limits() -> None:
    assert whole(A, limit=len(A)) == [A]
    for stream in (A, A[: A.index(b"\r\n\r\n") + 4], b"x" * len(A)):
        with pytest.raises(Unframeable) as caught:
            whole(stream, limit=len(A) - 1)
        assert caught.value.status == 513
    with pytest.raises(Unframeable) as caught:
        whole(request(length=b"9" * 5000))
    assert caught.value.status == 513
    assert whole(A * 50, limit=len(A)) == [A] * 50  # many small ones are not one large one


def test_garbage_loses_the_stream() -> None:
    with pytest.raises(Unframeable):
        whole(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")


PIECES = st.lists(st.sampled_from([A, B, C, b"\r\n\r\n", b"\r\n", request(length=b""), b"l: 5\r\n\r\n"]), max_size=5)


@given(PIECES, st.data())
@settings(max_examples=200)
def test_frames_do_not_depend_on_how_the_stream_is_cut(pieces: list[bytes], draw: st.DataObject) -> None:
    stream = b"".join(pieces)

    def run(chunks: list[bytes]) -> tuple[Frames, str, bytes]:
        framer = StreamFramer(4096)
        frames: Frames = []
        for at, chunk in enumerate(chunks):
            try:
                frames += framer.feed(chunk)
            except Unframeable as error:
                return frames + error.frames, str(error), framer.rest + b"".join(chunks[at + 1 :])
        return frames, "", framer.rest

    cuts = sorted(draw.draw(st.lists(st.integers(0, len(stream)), max_size=10)))
    edges = [0, *cuts, len(stream)]
    chunks = [stream[start:end] for start, end in pairwise(edges)]
    one_by_one = [stream[at : at + 1] for at in range(len(stream))]
    assert run(chunks) == run([stream]) == run(one_by_one)
