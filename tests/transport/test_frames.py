"""What front and workers say about streams is read as it was written, and cut ones end where they stop."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ringfence.transport.frames import LONGEST_NAMES, SEND, Far, Frame, framed, frames

NAMES = st.text(alphabet="abc.-1:é", min_size=1, max_size=20)
FARS = st.builds(
    Far,
    st.integers(0, 65_535),
    st.integers(0, 2**32 - 1),
    NAMES,
    st.integers(0, 65_535),
    st.booleans(),
    st.one_of(st.just(""), NAMES),
    st.frozensets(NAMES, max_size=3),
)
FRAMES = st.builds(Frame, st.integers(0, 255), FARS, st.integers(0, 65_535), st.binary(max_size=200))


@given(st.lists(FRAMES, max_size=4), st.binary(max_size=20))
def test_frames_come_out_as_they_went_in_and_what_is_cut_is_left(given_frames: list[Frame], more: bytes) -> None:
    pack = b"".join(framed(*frame) for frame in given_frames)
    assert list(frames(memoryview(pack))) == given_frames
    one = framed(SEND, Far(0, 0, "::1", 1, True), 0, b"x" * 21)
    for end in (1, len(one) - 1):
        assert list(frames(memoryview(pack + one[:end]))) == given_frames


def test_names_that_are_too_many_are_none_rather_than_half_of_one() -> None:
    many = frozenset(f"{number}.example.com" for number in range(5_000))
    assert sum(map(len, many)) > LONGEST_NAMES
    far = Far(1, 2, "192.0.2.1", 5061, False, "core.example.com", many)
    (frame,) = frames(memoryview(framed(SEND, far, 0, b"x")))
    assert frame.far == far._replace(certificate=frozenset())
