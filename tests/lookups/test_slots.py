import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.crc import key_slot

from ringfence.lookups.questions import command
from ringfence.lookups.slots import SLOTS, slot_of, slot_of_command, split, spread


@given(st.binary(max_size=40) | st.from_regex(rb"[a{}]{0,9}", fullmatch=True))
def test_a_key_s_slot_is_the_one_that_another_client_finds(key: bytes):
    assert slot_of(key) == key_slot(key)


@pytest.mark.parametrize(
    ("key", "other"), [(b"{user}.a", b"{user}.b"), (b"x{1}:7", b"1"), (b"a{}{b}", b"a{}{b}"), (b"{{b}}", b"{b")]
)
def test_keys_with_one_tag_share_a_slot(key: bytes, other: bytes):
    assert slot_of(key) == slot_of(other)


@given(st.binary(max_size=30), st.lists(st.binary(max_size=20), max_size=4))
def test_a_command_s_slot_is_that_of_its_first_argument(key: bytes, more: list[bytes]):
    assert slot_of_command(command(b"HMGET", key, *more)) == slot_of(key)


@given(st.lists(st.lists(st.binary(max_size=12), min_size=1, max_size=4), max_size=5))
def test_commands_are_told_apart(parts: list[list[bytes]]):
    commands = [command(*one) for one in parts]
    assert split(b"".join(commands)) == commands


@pytest.mark.parametrize("count", [1, 2, 64])
def test_tags_lie_evenly(count: int):
    tags = spread(count)
    assert [slot_of(tag) * count // SLOTS for tag in tags] == list(range(count))
