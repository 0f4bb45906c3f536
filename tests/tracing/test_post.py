"""A request and its answer between two carriers, by file: each step, each refusal, the clock, what may come twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
import sqlalchemy as sa
from tests.tracing.carriers import CALLEE, CALLER, OFFICER, Clock, asked, book_of, call

from ringfence.registry import tables as t
from ringfence.registry.actors import Actor
from ringfence.registry.errors import Forbidden
from ringfence.registry.opening import open_evidence, open_registry
from ringfence.registry.settings import RegistrySettings
from ringfence.registry.upkeep import rotate
from ringfence.registry.verify import verify
from ringfence.tracing import jws, post, steps
from ringfence.tracing.book import TraceBook
from ringfence.tracing.disclosure import Call
from ringfence.tracing.errors import BadMessage, Conflict, NoRequest, Stale, TraceError, Unauthorised
from ringfence.tracing.messages import Answer, Envelope
from ringfence.tracing.showing import plain
from ringfence.tracing.tracer import answer_peer, ask_peer

Pair = tuple[TraceBook, TraceBook]
DAY = 86_400


def calls(*found: Call) -> Any:
    async def find(question: dict[str, Any]) -> list[Call]:
        return [one for one in found if question.get("call_id") in (None, one["call_id"])]

    return find


async def hand_over(of: TraceBook, place: int, to: TraceBook) -> post.Taken:
    letter = await post.export(of, OFFICER, place)
    return await post.take(to, post.opened(to, letter.text), "file")


async def states(book: TraceBook) -> list[str]:
    return [one.state for one in await book.listing(OFFICER)]


async def ask(a: TraceBook, b: TraceBook) -> tuple[int, int]:
    """(the request's id at a, at b)."""
    place, name = await ask_peer(a, OFFICER, call(), "node-a", None, why="fraud", reference="T-1", contact="lin")
    assert name == "b"
    return place, (await hand_over(a, place, b)).request


async def test_there_and_back(pair: Pair, clock: Clock) -> None:
    a, b = pair
    place, name = await ask_peer(a, OFFICER, call(), "node-a", None, why="fraud")
    assert (await states(a), name) == (["drafted"], "b")
    theirs = (await hand_over(a, place, b)).request
    assert (await states(a), await states(b)) == (["sent"], ["received"])
    got = await b.get(OFFICER, theirs)
    assert (got.asked.callee, got.asked.caller, got.asked.why) == (CALLEE, CALLER, "fraud")
    assert (got.asked.handed_over, got.record, got.due_at) == ("udp 192.0.2.9:5060", 0, clock.now + DAY)
    await steps.accept(b, OFFICER, theirs)
    await hand_over(b, theirs, a)
    assert (await states(a), await states(b)) == (["accepted"], ["accepted"])
    found = await answer_peer(b, OFFICER, theirs, "node-b", calls(call(record=99)))
    assert found == 99
    await hand_over(b, theirs, a)
    assert (await states(a), await states(b)) == (["answered"], ["answered"])
    (hop,) = (await a.get(OFFICER, place)).hops
    assert (hop.carrier, hop.came.trunk, hop.came.holder) == ("b", "to-b", "Holder b")
    assert hop.came.connected_by == "Zhang Wei"
    assert hop.went is not None and hop.went.address == "udp:198.51.100.1:5060"
    assert (hop.shown, hop.asserted) == (CALLER, (f"<sip:{CALLER}@b.example>",))
    assert (await a.of_record(OFFICER, "node-a", 7))[0].id == place
    assert await a.of_record(OFFICER, "node-b", 7) == []  # another node's records have the same numbers
    await steps.close(a, OFFICER, place)
    await steps.close(b, OFFICER, theirs)
    assert (await states(a), await states(b)) == (["closed"], ["closed"])
    for book in pair:
        assert (await verify(book.registry, None)).faults == []


async def test_nothing_of_it_stands_in_the_clear(pair: Pair) -> None:
    a, b = pair
    _, theirs = await ask(a, b)
    await answer_peer(b, OFFICER, theirs, "node-b", calls(call()))
    for book in pair:
        async with book.registry.database.reading() as connection:
            for table in (t.trace_request, t.trace_message, t.audit):
                written = repr((await connection.execute(sa.select(table))).all())
                assert CALLEE[3:] not in written and CALLER[3:] not in written


async def test_the_clock(pair: Pair, clock: Clock) -> None:
    a, b = pair
    place, theirs = await ask(a, b)
    clock.now += DAY
    assert (await states(a), await states(b)) == (["sent"], ["received"])
    clock.now += 1
    assert (await states(a), await states(b)) == (["overdue"], ["overdue"])
    assert await b.counts() == {("in", "overdue"): 1}
    assert [one.id for one in await b.listing(OFFICER, "overdue")] == [theirs]
    assert await b.listing(OFFICER, "received") == []
    await answer_peer(b, OFFICER, theirs, "node-b", calls(call()))
    await hand_over(b, theirs, a)
    assert (await states(a), await states(b)) == (["answered"], ["answered"])
    assert (await a.get(OFFICER, place)).due_at == 1_800_000_000 + DAY


async def test_their_word_on_the_clock_counts(pair: Pair, clock: Clock) -> None:
    a, b = pair
    place, _ = await ask_peer(a, OFFICER, call(), "node-a", "b")
    assert (await a.get(OFFICER, place)).due_at is None
    letter = await post.export(a, OFFICER, place)
    clock.now += 3600  # on its way
    theirs = (await post.take(b, post.opened(b, letter.text), "file")).request
    await steps.accept(b, OFFICER, theirs)
    await hand_over(b, theirs, a)
    assert (await a.get(OFFICER, place)).due_at == 1_800_000_000 + 3600 + DAY


async def test_a_peer_gives_itself_no_more_time(pair: Pair, clock: Clock) -> None:
    a, b = pair
    place, theirs = await ask(a, b)
    await steps.accept(b, OFFICER, theirs)
    said = orjson.loads(jws.parse((await post.export(b, OFFICER, theirs)).text).claims)
    never = said | {"body": said["body"] | {"due_at": "9999-12-31T23:59:59Z"}}
    await post.take(a, post.opened(a, jws.sign(never, b.peers.signer)), "file")
    assert (await a.get(OFFICER, place)).due_at == clock.now + DAY


async def test_twice_is_once(pair: Pair) -> None:
    a, b = pair
    place, _ = await ask_peer(a, OFFICER, call(), "node-a", "b")
    letter = await post.export(a, OFFICER, place)
    first = await post.take(b, post.opened(b, letter.text), "file")
    again = await post.take(b, post.opened(b, letter.text), "file")
    signed_anew = await hand_over(a, place, b)
    assert (first.new, again, signed_anew) == (True, first._replace(new=False), first._replace(new=False))
    assert await states(b) == ["received"]
    with pytest.raises(Conflict, match="about this record already"):
        await ask_peer(a, OFFICER, call(), "node-a", "b")


async def test_an_answer_may_overtake_and_be_added_to(pair: Pair) -> None:
    a, b = pair
    place, theirs = await ask(a, b)
    await steps.accept(b, OFFICER, theirs)
    accepted = (await post.export(b, OFFICER, theirs)).text
    await answer_peer(b, OFFICER, theirs, "node-b", calls(call()))
    first = (await post.export(b, OFFICER, theirs)).text
    await answer_peer(b, OFFICER, theirs, "node-b", calls(call(out=None)))
    second = (await post.export(b, OFFICER, theirs)).text
    for text in (second, first, accepted):
        await post.take(a, post.opened(a, text), "file")
    got = await a.get(OFFICER, place)
    assert (got.state, got.part, got.hops[0].went) == ("answered", 2, None)


async def test_a_refusal(pair: Pair) -> None:
    a, b = pair
    place, theirs = await ask(a, b)
    await steps.refuse(b, OFFICER, theirs, "no such call here")
    await hand_over(b, theirs, a)
    got = await a.get(OFFICER, place)
    assert (got.state, got.why, await states(b)) == ("refused", "no such call here", ["refused"])
    for step in (steps.accept(b, OFFICER, theirs), answer_peer(b, OFFICER, theirs, "n", calls(call()))):
        with pytest.raises(Conflict, match="is refused already"):
            await step


async def test_the_chain_of_three(pair: Pair, tmp_path: Path, clock: Clock) -> None:
    """c brought it to b and b to a: what b learnt of c goes along in its answer, with what c signed."""
    a, b = pair
    at_c = tmp_path / "c"
    async with await open_registry(RegistrySettings(), at_c) as registry:
        c = book_of(registry, at_c, {"b": tmp_path / "b"}, clock)
        b_of_both = book_of(b.registry, tmp_path / "b", {"a": tmp_path / "a", "c": at_c}, clock)
        at_b = call(record=40, **{"in": call()["in"] | {"trunk": "from-c", "holder": "Holder c"}})
        b_place, name = await ask_peer(b_of_both, OFFICER, at_b, "node-b", None)
        assert name == "c"
        c_place = (await hand_over(b_of_both, b_place, c)).request
        from_bank = call(record=3, **{"in": call()["in"] | {"trunk": "bank-1", "holder": "Bank"}})
        await answer_peer(c, OFFICER, c_place, "node-c", calls(from_bank))
        await hand_over(c, c_place, b_of_both)
        a_place, theirs = await ask(a, b_of_both)
        await answer_peer(b_of_both, OFFICER, theirs, "node-b", calls(at_b))
        await hand_over(b_of_both, theirs, a)
        shown = plain(await b_of_both.get(OFFICER, theirs), True)
        assert [hop["proof"] for hop in shown["hops"]] == ["", ""]
    found = await a.get(OFFICER, a_place)
    assert [(hop.carrier, hop.came.holder) for hop in found.hops] == [("b", "Holder c"), ("c", "Bank")]
    assert found.proofs == ("own", "unknown_key")
    a_of_both = book_of(a.registry, tmp_path / "a", {"b": tmp_path / "b", "c": at_c}, clock)
    shown = plain(await a_of_both.get(OFFICER, a_place), True)
    assert [(hop["carrier"], hop["proof"]) for hop in shown["hops"]] == [("b", "own"), ("c", "own")]
    assert not {"signed", "proofs"} & shown.keys()


@pytest.mark.parametrize(
    "other",
    [{"callee": {"number": "+8613900000002"}}, {"at": "2026-11-24T10:17:00.000+08:00"},
     {"call_id": "c2@trunk", "caller": {"number": "+861099999999"}, "shown": {"number": "+861099999999", "from": ""}}],
    ids=["callee", "time", "caller and Call-ID"],
)  # fmt: skip
async def test_nothing_is_told_of_another_call(pair: Pair, other: dict[str, Any]) -> None:
    a, b = pair
    _, theirs = await ask(a, b)
    with pytest.raises(TraceError, match="no record fits"):
        await answer_peer(b, OFFICER, theirs, "node-b", calls(call(**other)))
    with pytest.raises(TraceError, match="nothing is told of another one"):
        await answer_peer(b, OFFICER, theirs, "node-b", calls(call(**other)), record=7)
    assert await states(b) == ["received"]


async def test_of_several_calls_somebody_chooses(pair: Pair) -> None:
    a, b = pair
    _, theirs = await ask(a, b)
    several = calls(call(record=5, call_id="other"), call(record=6, call_id="another"))
    with pytest.raises(TraceError, match="say which one of 5, 6"):
        await answer_peer(b, OFFICER, theirs, "node-b", several)
    assert await answer_peer(b, OFFICER, theirs, "node-b", several, record=6) == 6


async def test_messages_that_are_not_taken(pair: Pair, tmp_path: Path, clock: Clock) -> None:
    a, b = pair
    place, _ = await ask_peer(a, OFFICER, call(), "node-a", "b")
    text = (await post.export(a, OFFICER, place)).text
    head, claims, signature = text.split(".")
    stranger = book_of(a.registry, tmp_path / "stranger", {"b": tmp_path / "b"}, clock)
    said = orjson.loads(jws.parse(text).claims)
    for wrong, kind, why in (
        (f"{head}.{claims[:-4]}AAAA.{signature}", Unauthorised, "not that of the key"),
        (f"{head}.{claims}.{'A' * 86}", Unauthorised, "not that of the key"),
        (jws.sign(said, stranger.peers.signer), Unauthorised, "no peer's"),
        (jws.sign(said | {"aud": "c"}, a.peers.signer), Unauthorised, "aud"),
        (jws.sign(said | {"iss": "c"}, a.peers.signer), Unauthorised, "iss"),
        (jws.sign(said | {"ver": 2}, a.peers.signer), BadMessage, "ver"),
        (jws.sign(said | {"more": 1}, a.peers.signer), BadMessage, "more"),
        (jws.sign(said | {"body": {"kind": "order"}}, a.peers.signer), BadMessage, "body"),
        (jws.sign(said | {"iat": said["iat"] - DAY - 1}, a.peers.signer), Stale, "too long ago"),
        (jws.sign(said | {"iat": said["iat"] + 301}, a.peers.signer), Stale, "future"),
        (f"{head}.{claims}", BadMessage, "three parts"),
        (f"{head}.{claims}.{signature}=", BadMessage, "base64url"),
        (f"{head}.{claims}.AAAA", BadMessage, "64 bytes"),
        ("x" * (jws.LONGEST + 1), BadMessage, "longer"),
        ("", BadMessage, "three parts"),
    ):  # fmt: skip
        with pytest.raises(kind, match=why):
            post.opened(b, wrong)
    assert await states(b) == []
    await post.take(b, post.opened(b, text), "file")
    clock.now += DAY
    post.opened(b, text)
    clock.now += 1
    with pytest.raises(Stale):
        post.opened(b, text)


@pytest.mark.parametrize("header", [{"alg": "none"}, {"typ": "JWT"}, {"jwk": {}}, {"kid": None}])
def test_other_headers_are_not_spoken(header: dict[str, Any]) -> None:
    fields = {"alg": "ES256", "kid": "k", "typ": jws.TYPE} | header
    with pytest.raises(BadMessage, match="header"):
        jws.parse(f"{jws._encoded(orjson.dumps(fields))}.e30.{'A' * 86}")


async def test_contradictions(pair: Pair) -> None:
    a, b = pair
    place, theirs = await ask(a, b)
    said = orjson.loads(jws.parse((await post.export(a, OFFICER, place)).text).claims)
    other = said["body"]["asked"] | {"callee": "+8613900000009"}

    async def take(to: TraceBook, claims: dict[str, Any], of: TraceBook) -> None:
        await post.take(to, post.opened(to, jws.sign(claims, of.peers.signer)), "file")

    with pytest.raises(Conflict, match="jti"):
        await take(b, said | {"body": {"kind": "request", "asked": other}}, a)
    with pytest.raises(Conflict, match="began this request"):
        await take(b, said | {"jti": "another"}, a)
    await answer_peer(b, OFFICER, theirs, "node-b", calls(call()))
    answer = orjson.loads(jws.parse((await post.export(b, OFFICER, theirs)).text).claims)
    with pytest.raises(NoRequest):
        await take(a, answer | {"request": "0" * 32}, b)
    hop = answer["body"]["hops"][0] | {"carrier": "c"}
    with pytest.raises(BadMessage, match="who answers"):
        await take(a, answer | {"body": answer["body"] | {"hops": [hop]}}, b)
    with pytest.raises(Conflict, match="is ours"):
        await steps.accept(a, OFFICER, place)


async def test_a_peer_has_a_bound(pair: Pair, clock: Clock, tmp_path: Path) -> None:
    a, b = pair
    b = book_of(b.registry, tmp_path / "b", {"a": tmp_path / "a"}, clock, most_open=2)
    for record in range(2):
        place, _ = await ask_peer(a, OFFICER, call(record=record), "node-a", "b")
        await hand_over(a, place, b)
    place, _ = await ask_peer(a, OFFICER, call(record=3), "node-a", "b")
    with pytest.raises(TraceError, match="2 requests of a are open"):
        await hand_over(a, place, b)
    assert await states(b) == ["received"] * 2


@pytest.mark.parametrize(
    ("tampering", "fault"),
    [
        ("DELETE FROM trace_message", "trace message 2 is missing"),
        ("UPDATE trace_message SET request = 1, digest = box", "trace message 2 is not what was said"),
        ("UPDATE trace_message SET box = digest", "a number is encrypted under a key that is not in"),
    ],
)
async def test_what_is_changed_behind_the_books_back(pair: Pair, tampering: str, fault: str) -> None:
    a, _ = pair
    await ask_peer(a, OFFICER, call(), "node-a", "b")
    async with a.registry.database.writing() as connection:
        await connection.execute(sa.text(tampering))
    assert fault in (await verify(a.registry, None)).faults[0]


async def test_roles(pair: Pair) -> None:
    a, b = pair
    place, theirs = await ask(a, b)
    auditor, holder = Actor("auditor:wu", "auditor", ""), Actor("holder:x", "holder", "", "X")
    assert (await a.get(auditor, place)).id == place
    for step in (
        a.get(holder, place),
        a.listing(holder),
        steps.close(a, auditor, place),
        steps.refuse(b, auditor, theirs, "no"),
        steps.accept(b, holder, theirs),
        post.send(a, auditor, place),
        post.export(a, auditor, place),
        ask_peer(a, auditor, call(record=8), "node-a", "b"),
        steps.retain(a, OFFICER),
    ):
        with pytest.raises(Forbidden):
            await step


async def test_kept_and_then_deleted(pair: Pair, clock: Clock) -> None:
    a, b = pair
    operator = Actor("operator:x", "operator", "")
    _, theirs = await ask(a, b)
    await steps.refuse(b, OFFICER, theirs, "no")
    clock.now += 180 * DAY
    assert await steps.retain(b, operator) == 0
    clock.now += 1
    assert await steps.retain(b, operator, dry=True) == 1
    assert (await states(b), await steps.retain(b, operator)) == (["refused"], 1)
    assert (await states(b), (await verify(b.registry, None)).faults) == ([], [])
    assert await steps.retain(a, operator) == 0  # due a day later
    clock.now += DAY
    assert await steps.retain(a, operator) == 1


async def test_a_new_key_takes_requests_along(settings: RegistrySettings, tmp_path: Path, clock: Clock) -> None:
    old, new = "11" * 32, "22" * 32
    file = tmp_path / "numbers.key"
    file.write_text(old)
    kept = settings.model_copy(update={"number_key_file": file})
    folder, other = tmp_path / "a", tmp_path / "b"
    async with await open_registry(kept, folder) as registry:
        a = book_of(registry, folder, {"b": other}, clock)
        place, _ = await ask_peer(a, OFFICER, call(), "node-a", "b")
    file.write_text(f"{new}\n{old}")
    async with await open_registry(kept, folder) as registry:
        evidence = open_evidence(kept, folder)
        assert await rotate(registry, evidence, Actor("operator:x", "operator", "")) == (2, 0)
    file.write_text(new)
    async with await open_registry(kept, folder) as registry:
        a = book_of(registry, folder, {"b": other}, clock)
        assert (await a.get(OFFICER, place)).asked == asked()
        assert (await post.export(a, OFFICER, place)).kind == "request"


def test_an_answer_of_the_most_hops_is_short_enough() -> None:
    from ringfence.tracing.disclosure import chain, hop_of
    from ringfence.tracing.messages import MOST_HOPS

    text = "好" * 2000
    wordy = hop_of(
        call(call_id=text, asserted=[text] * 20, **{"in": call()["in"] | {"trunk": text, "holder": text}}), "b"
    )
    assert 1 <= len(chain(wordy, [wordy] * 50)) < MOST_HOPS
    hops = chain(hop_of(call(), "b"), [hop_of(call(), "c")] * 50)
    assert len(hops) == MOST_HOPS
    for some in (hops, chain(wordy, [wordy] * 50)):
        envelope = Envelope(iss="b", aud="a", iat=1, jti="j", request="0" * 32, body=Answer(hops=some))
        assert len(envelope.model_dump_json().encode()) * 4 / 3 + 1000 < jws.LONGEST
