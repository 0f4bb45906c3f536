"""A hop that was passed on is believed by its own carrier's signature, and by nothing that looks like one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from tests.tracing.carriers import call

from ringfence.registry.signing import Signer, new_key
from ringfence.tracing import jws
from ringfence.tracing.disclosure import MOST_BYTES, beside, chain, hop_of
from ringfence.tracing.messages import Answer, Body, Envelope, Hop, Refusal
from ringfence.tracing.peers import Peer, Peers
from ringfence.tracing.proofs import proofs
from ringfence.tracing.settings import PeerSettings

A, B, C, D = "abcd"
Sign = Callable[..., str]


@pytest.fixture
def signers(tmp_path: Path) -> dict[str, Signer]:
    made = {}
    for name in (A, B, C, D):
        (tmp_path / name).write_text(new_key())
        made[name] = Signer.read(tmp_path / name)
    return made


@pytest.fixture
def sign(signers: dict[str, Signer]) -> Sign:
    """(who, for whom, what, by whose key) -> a message."""

    def signed(who: str, whom: str, body: Body, by: str = "") -> str:
        envelope = Envelope(iss=who, aud=whom, iat=1, jti="j", request="0" * 32, body=body)
        return jws.sign(envelope.model_dump(mode="json"), signers[by or who])

    return signed


def known(signers: dict[str, Signer], *names: str) -> Peers:
    peers = []
    for name in names:
        key = serialization.load_pem_public_key(signers[name].public)
        assert isinstance(key, ec.EllipticCurvePublicKey)
        peers.append(Peer(PeerSettings(name=name, key_file=Path(name)), key))
    return Peers(A, signers[A], peers)


def hop(name: str, **more: object) -> Hop:
    return hop_of(call(call_id=f"{name}@trunk", **more), name)


def answers(sign: Sign, last: Hop | None = None) -> tuple[tuple[Hop, ...], str]:
    """d told c, c told b, b tells us: its answer, as it signed it."""
    hops: tuple[Hop, ...] = (last or hop(D),)
    text = sign(D, C, Answer(hops=hops))
    for name, whom in ((C, B), (B, A)):
        hops = chain(hop(name), hops)
        text = sign(name, whom, Answer(hops=hops, signed=beside(hops, text)))
    return hops, text


def test_each_by_its_own_carrier_s_key(signers: dict[str, Signer], sign: Sign) -> None:
    hops, text = answers(sign)
    assert proofs(known(signers, B, C, D), hops, text) == ("own", "own", "own")
    assert proofs(known(signers, B, D), hops, text) == ("own", "unknown_key", "own")
    assert proofs(known(signers, B), hops, text) == ("own", "unknown_key", "unknown_key")


def test_an_answer_without_what_it_is_from(signers: dict[str, Signer], sign: Sign) -> None:
    hops, _ = answers(sign)
    assert proofs(known(signers, B, C, D), hops, sign(B, A, Answer(hops=hops))) == ("own", "none", "none")


def test_what_proves_nothing(signers: dict[str, Signer], sign: Sign) -> None:
    """b passes on what c never said: in each case the answer itself is b's, and what is in it is not c's word."""
    peers = known(signers, B, C, D)
    said = hop(C)
    true = sign(C, B, Answer(hops=(said,)))
    head, claims, signature = true.split(".")
    for passed, along in (
        (hop(C, asserted=[]), true),
        (said, sign(C, D, Answer(hops=(said,)))),
        (said, sign(C, B, Answer(hops=(said,)), by=D)),
        (said, sign(C, B, Answer(hops=(said,)), by=B)),
        (said, sign(D, B, Answer(hops=(said,)))),
        (said, sign(C, B, Refusal(why="no"))),
        (said, f"{head}.{claims}.{'A' * 86}"),
        (said, f"{head}.{claims}.AAAA"),
        (said, f"{head}.e30.{signature}"),
    ):
        hops = (hop(B), passed)
        text = sign(B, A, Answer(hops=hops, signed=along))
        assert proofs(peers, hops, text) == ("own", "wrong"), along


def test_one_that_leaves_no_room_stays_behind() -> None:
    hops = (hop(B), hop(C))
    room = MOST_BYTES - sum(len(one.model_dump_json()) for one in hops)
    assert beside(hops, "x" * room) == "x" * room
    assert beside(hops, "x" * (room + 1)) == ""


def test_six_carriers_fit(sign: Sign) -> None:
    hops: tuple[Hop, ...] = ()
    text = ""
    for depth in range(6):
        hops = chain(hop(D), hops)
        text = sign(D, D, Answer(hops=hops, signed=beside(hops, text)))
        assert jws.parse(text).key
        assert (b'"signed":""' in jws.parse(text).claims) == (depth == 0)
