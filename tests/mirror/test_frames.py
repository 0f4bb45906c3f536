import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.talk import invite

from ringfence.mirror import frames
from ringfence.mirror.frames import Cutter, Message, Record

EVERY = [
    (
        frames.message(frames.RECEIVED, 7, 0, "192.0.2.1", 5060, "银行", b"x\r\n"),
        Message(7, False, 0, "192.0.2.1", 5060, "银行", b"x\r\n"),
    ),
    (
        frames.message(frames.SENT, 2**60, 3, "2001:db8::1", 65_535, "", b""),
        Message(2**60, True, 3, "2001:db8::1", 65_535, "", b""),
    ),
    (frames.record(8, 2**63, b"D\n1"), Record(8, 2**63, b"D\n1")),
]


@given(st.lists(st.integers(0, 300), max_size=6))
def test_however_the_stream_is_cut_the_frames_are_the_same(cuts: list[int]) -> None:
    stream = b"".join(frame for frame, _ in EVERY)
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    cutter = Cutter()
    got = [frame for begin, end in itertools.pairwise(edges) for frame in cutter.feed(stream[begin:end])]
    assert got == [value for _, value in EVERY]


def test_what_is_no_frame_is_not_waited_for() -> None:
    with pytest.raises(ValueError, match="no frame"):
        list(Cutter().feed(b"\xff\xff\xff\xff\x01"))


@pytest.mark.parametrize(
    ("data", "call_id"),
    [
        (invite(call_id="a@b"), b"a@b"),
        (b"BYE sip:x SIP/2.0\r\ni:\t c \r\n\r\n", b"c"),
        (b"BYE sip:x SIP/2.0\r\ncall-id : d\r\n\r\n", b"d"),
        (b"NOTIFY sip:x SIP/2.0\r\ni: e\r\n\r\nINVITE sip:y SIP/2.0\r\nCall-ID: inner\r\n\r\n", b"e"),
        (b"NOTIFY sip:x SIP/2.0\r\nTo: e\r\n\r\nx\r\nCall-ID: inner\r\n\r\n", b""),
        (b"BYE sip:x SIP/2.0\r\nCall-ID: cut off", b"cut off"),
        (b"", b""),
    ],
)
def test_the_call_id(data: bytes, call_id: bytes) -> None:
    assert frames.call_id_of(data) == call_id


@pytest.mark.parametrize(
    ("body", "call_id"),
    [
        (b"D\n1\n2\nt\nh\nk\nudp\n1.2.3.4:5\ncall\nuri\n", b"call"),
        (b"O\n1\n2\ncall\n200", b"call"),
        (b"E\n1\n2\ncall\n3", b"call"),
        (b"N\n1\nstarted\ntext", b""),
    ],
)
def test_the_call_id_of_a_record(body: bytes, call_id: bytes) -> None:
    assert frames.call_id_of_record(body) == call_id


def test_a_share_of_calls() -> None:
    calls = [b"%d@example.net" % number for number in range(20_000)]
    tenth = [call for call in calls if frames.chosen(call, 0.1)]
    assert 1_700 < len(tenth) < 2_300
    assert all(frames.chosen(call, 0.2) for call in tenth)
    assert all(frames.chosen(call, 1.0) for call in calls)
