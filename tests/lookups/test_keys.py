from hashlib import blake2s

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.asking import CALLER, SECRET

from ringfence.lookups import Keys

DIGITS = st.from_regex(r"\+?[0-9]{2,15}", fullmatch=True)


@given(DIGITS)
def test_no_number_stands_in_a_key(number: str):
    keys = Keys("rf:", SECRET)
    digest = keys.digest(number)
    assert len(digest) == 16
    for key in (keys.score(digest), keys.attempts(digest, 7)):
        assert number.lstrip("+").encode() not in key.removesuffix(b":7") or len(number.lstrip("+")) < 5


@given(DIGITS, DIGITS)
def test_a_digest_is_its_number_s_alone_whatever_was_asked_before(one: str, other: str):
    keys = Keys("", SECRET)
    first = keys.digest(one)
    assert (keys.digest(other) == first) == (one == other)
    assert keys.digest(one) == first == Keys("x", SECRET).digest(one)


def test_another_secret_gives_another_digest():
    assert Keys("", SECRET).digest(CALLER) != Keys("", bytes(32)).digest(CALLER)
    assert Keys("", SECRET).digest(CALLER) != blake2s(CALLER.encode(), digest_size=12).digest()


def test_the_kinds_of_keys_are_apart():
    keys = Keys("p:", SECRET)
    digest = keys.digest(CALLER)
    assert keys.score(digest) == b"p:s:" + digest
    assert keys.attempts(digest, 12) == b"p:r:{" + digest + b"}:12"


@pytest.mark.parametrize("empty", ["", b"".decode()])
def test_the_empty_number_has_a_digest_too(empty: str):
    assert len(Keys("", SECRET).digest(empty)) == 16
