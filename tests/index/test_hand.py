"""The index by hand, seen by the call path."""

import time
from collections.abc import Iterator

import pytest
from redis import Redis
from tests.support.asking import CALLEE, CALLER, HOLDER, Asked, call, until
from tests.support.index import MemoryFeed

from ringfence.index.build import build
from ringfence.index.hand import Entry, Hand
from ringfence.index.store import IndexStore
from ringfence.lookups import Address, Keys, StoreError
from ringfence.screening import Consent, Unknown

OWN = f"holder:{HOLDER}"


@pytest.fixture
def hand(place: Address, keys: Keys) -> Iterator[Hand]:
    with Hand(place, keys) as opened:
        yield opened


async def consent(asked: Asked) -> object:
    await until(lambda: bool(asked.lookups.stats()["index_believed"]))
    return (await asked(call()))[0].consent


async def test_the_call_path_sees_what_the_operator_did(hand: Hand, asked: Asked):
    assert (await asked(call()))[0].consent == Unknown("no_index")
    hand.consent_add(CALLEE, HOLDER, 1_900_000_000)
    assert await consent(asked) == Consent(True, None, 1_900_000_000.0)
    hand.consent_add(CALLEE, HOLDER)
    assert await consent(asked) == Consent(True)
    hand.refuse(CALLEE)
    assert await consent(asked) == Consent(True, "everybody")
    assert hand.consent_remove(CALLEE, ["*"]) == 1
    assert await consent(asked) == Consent(True)
    hand.refuse(CALLEE, HOLDER)
    assert await consent(asked) == Consent(False, "holder")
    hand.refuse(CALLEE, "Somebody Else")
    assert hand.consent_remove(CALLEE, [OWN, "holder:Somebody Else", "*"]) == 2
    assert await consent(asked) == Consent(False)
    assert hand.consent_remove(CALLEE, [OWN]) == 0


async def test_another_holder_s_consent_is_not_ours(hand: Hand, asked: Asked):
    hand.consent_add(CALLEE, "Somebody Else")
    assert await consent(asked) == Consent(False)


async def test_a_consent_to_this_holder_does_not_lift_the_refusal_of_all(hand: Hand, asked: Asked):
    hand.refuse(CALLEE)
    hand.consent_add(CALLEE, HOLDER)
    assert await consent(asked) == Consent(True, "everybody")


def test_what_is_recorded_is_shown(hand: Hand):
    before = int(time.time())
    scopes = ["*", "holder:A", "holder:B", "holder:C", "sector:finance"]
    assert hand.consent_show(CALLEE, scopes) == []
    hand.consent_add(CALLEE, "B", 1_900_000_000)
    hand.consent_add(CALLEE, "A")
    hand.refuse(CALLEE, "C", 1_700_000_000)
    hand.refuse(CALLEE)
    every, *named = hand.consent_show(CALLEE, scopes)
    assert (every.scope, every.kind) == ("*", "refusal")
    assert every.at is not None
    assert before <= every.at <= int(time.time())
    assert named == [
        Entry("holder:A", "consent", None),
        Entry("holder:B", "consent", 1_900_000_000),
        Entry("holder:C", "refusal", 1_700_000_000),
    ]
    assert hand.consent_show(CALLER, scopes) == []


@pytest.mark.parametrize(("holder", "until"), [("*", None), (HOLDER, 0), (HOLDER, -5)])
def test_a_consent_that_is_none_is_not_written(hand: Hand, reader: Redis, holder: str, until: int | None):
    with pytest.raises(StoreError, match="names one holder"):
        hand.consent_add(CALLEE, holder, until)
    assert reader.dbsize() == 0


def test_no_number_is_written_in_plain_text(hand: Hand, reader: Redis):
    hand.consent_add(CALLEE, HOLDER)
    hand.score_set(CALLER, 50, 100)
    everything = b" ".join(reader.scan_iter("*")) + repr([reader.dump(key) for key in reader.scan_iter("*")]).encode()
    assert CALLEE[3:].encode() not in everything
    assert CALLER[3:].encode() not in everything
    assert b"Example" not in everything


async def test_an_index_that_follows_a_registry_is_left_to_it(hand: Hand, writer: IndexStore):
    await build(writer, MemoryFeed())
    with pytest.raises(StoreError, match="record it there"):
        hand.refuse(CALLEE)
