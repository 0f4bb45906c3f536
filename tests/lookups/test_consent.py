import hiredis
import pytest
from tests.support.asking import CALLEE, HOLDER, NOON, SECRET, call
from tests.support.index import fixed_view

from ringfence.lookups import IndexView, Keys
from ringfence.lookups.consent import ConsentQuestion
from ringfence.lookups.layout import Record, pack, unpack
from ringfence.screening import Consent, Unknown

WRONG = Unknown("wrong_reply")
KEYS = Keys("rf:", SECRET)
MARK = b"1"


def consent(since: int = 0, until: int | None = None) -> bytes:
    return pack("consent", 1, since, until)


def refusal(since: int = 1) -> bytes:
    return pack("refusal", 1, since, None)


def wish(since: int = 1) -> bytes:
    return pack("wish", 1, since, None)


def gone(kind: str) -> bytes:
    return pack(kind, 9, 0, 0)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("every", "sector", "own", "fact"),
    [
        (None, None, None, Consent(False)),
        (None, None, consent(), Consent(True)),
        (None, None, consent(until=1_900_000_000), Consent(True, None, 1_900_000_000.0)),
        (None, None, consent(until=5), Consent(True, None, 5.0)),  # ended: the rule says so
        (None, None, refusal(), Consent(False, "holder")),
        (None, refusal(), None, Consent(False, "sector")),
        (refusal(), None, None, Consent(False, "everybody")),
        (refusal(), refusal(), refusal(), Consent(False, "holder")),  # the narrowest is named
        (refusal(), refusal(), None, Consent(False, "sector")),
        (refusal(), None, consent(), Consent(True, "everybody")),  # given without evidence: beats nothing
        (refusal(7), None, consent(7), Consent(True, "everybody")),  # of one second: the refusal
        (refusal(7), None, consent(8), Consent(True)),  # given in spite of it
        (refusal(7), refusal(9), consent(8), Consent(True, "sector")),
        (None, None, refusal(7) + consent(8), Consent(True)),
        (None, None, consent(8) + refusal(9), Consent(True, "holder")),
        (
            refusal(7),
            None,
            consent(8, until=round(NOON)),
            Consent(True, "everybody", NOON),
        ),  # an ended one beats nothing
        (wish(), None, None, Consent(False, None, None, "everybody")),
        (None, wish(), consent(), Consent(True, None, None, "sector")),
        (None, wish(4), consent(5), Consent(True)),
        (wish(3), refusal(3), None, Consent(False, "sector", None, "everybody")),
        (consent(9), consent(9), None, Consent(False)),  # nobody consents to all holders, nor to a sector
        (gone("refusal"), gone("wish"), gone("consent"), Consent(False)),
        (gone("refusal") + wish(2), None, gone("refusal") + consent(3), Consent(True)),
    ],
)
def test_what_stands_for_a_callee(every: object, sector: object, own: object, fact: Consent):
    question = ConsentQuestion(fixed_view(KEYS))
    assert question.fact(call(sector="finance"), [b"before", [MARK, every, sector, own], b"behind"], 1) == fact
    if sector is None:
        assert question.fact(call(), [[MARK, every, own]], 0) == fact


@pytest.mark.parametrize(
    "bad", [b"+0", b"\x00" * 10, b"\x11" + bytes(9), consent()[:-1], consent() + b"\x01", 7, [b"x"]]
)
def test_a_record_that_cannot_be_read_may_be_a_refusal(bad: object):
    assert ConsentQuestion(fixed_view(KEYS)).fact(call(), [[MARK, bad, consent()]], 0) == WRONG
    assert ConsentQuestion(fixed_view(KEYS)).fact(call(), [[MARK, None, bad]], 0) == WRONG


@pytest.mark.parametrize("values", [[None, None, None], [None, None, consent()], [None, refusal(), consent()]])
def test_a_bucket_without_its_mark_is_not_believed(values: list[object]):
    assert ConsentQuestion(fixed_view(KEYS)).fact(call(), [values], 0) == Unknown("index_lost")


@pytest.mark.parametrize("reply", [None, b"+0", [], [MARK], [MARK, None], [MARK, None, None, None], {b"a": b"b"}, 1])
def test_another_shape_is_no_fact(reply: object):
    assert ConsentQuestion(fixed_view(KEYS)).fact(call(), [reply], 0) == WRONG


def test_one_command_asks_about_all_the_sector_and_the_holder():
    view = fixed_view(KEYS)
    assert view.generation is not None
    reader = hiredis.Reader()
    commands = ConsentQuestion(view).commands(call(holder="某某科技", sector="finance"))
    assert isinstance(commands, bytes)
    reader.feed(commands)
    key, *fields = [view.generation.place(CALLEE, scope) for scope in ("*", "*", "sector:finance", "holder:某某科技")]
    asked = [b"HMGET", view.generation.bucket_key(key[0]), b"m", *[field for _, field in fields]]
    assert reader.gets() == asked
    assert reader.gets() is False
    reader.feed(ConsentQuestion(view).commands(call()))
    own = view.generation.place(CALLEE, f"holder:{HOLDER}")[1]
    assert reader.gets() == [*asked[:4], own]


@pytest.mark.parametrize("reason", ["index_unread", "no_index", "index_stale"])
def test_while_no_index_is_believed_nothing_is_asked(reason: str):
    view = IndexView()
    view.doubt(Unknown(reason))
    assert ConsentQuestion(view).commands(call()) == Unknown(reason)


def test_records_are_read_as_they_were_packed():
    records: list[Record] = [
        Record("consent", 1, 0, None),
        Record("refusal", 2**40 - 1, 2**32 - 1, 2**32 - 1),
        Record("wish", 0, 5, 1),
        Record("wish", 70_000, 0, 0, True),
    ]
    packed = [pack(one.kind, one.sequence, one.since, one.until) for one in records]
    assert unpack(b"".join(packed)) == records
    assert [len(one) for one in packed] == [10, 14, 14, 6]
    assert unpack(pack("consent", 1, -5, 2**33)) == [Record("consent", 1, 0, None)]
