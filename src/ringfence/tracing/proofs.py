"""Whose signature stands behind each hop of an answer: its own carrier's, where its own answer came along.

Each answer holds the one that its hops behind the first come from, as its carrier signed it, and that one the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from ringfence.tracing import jws
from ringfence.tracing.errors import BadMessage, Unauthorised
from ringfence.tracing.messages import Answer, Hop, read
from ringfence.tracing.peers import Peers

Proof = Literal["own", "unknown_key", "wrong", "none"]
"""own: the carrier's own key signed it. unknown_key: some key did that is no peer's. wrong: what came along is not what
the hop says, or not for whom passed it on, or not signed by the key that it names. none: nothing came along."""


def proofs(peers: Peers, hops: Sequence[Hop], signed: str) -> tuple[Proof, ...]:
    """A word on each hop, nearest first. signed: the answer that they came in."""
    found: list[Proof] = []
    taker = peers.name
    for hop in hops:
        proof, signed = _proof(peers, hop, taker, signed)
        found.append(proof)
        taker = hop.carrier
    return tuple(found)


def _proof(peers: Peers, hop: Hop, taker: str, signed: str) -> tuple[Proof, str]:
    """And the answer that came along in this one."""
    if not signed:
        return "none", ""
    try:
        token = jws.parse(signed)
        envelope = read(token.claims)
    except BadMessage:
        return "wrong", ""
    body = envelope.body
    if not isinstance(body, Answer):
        return "wrong", ""
    if (envelope.iss, envelope.aud, body.hops[0]) != (hop.carrier, taker, hop):
        return "wrong", body.signed
    try:
        peer = peers.signing(token.key)
    except Unauthorised:
        return "unknown_key", body.signed
    try:
        jws.check(token, peer.key)
    except Unauthorised:
        return "wrong", body.signed
    return "own" if peer.name == hop.carrier else "wrong", body.signed
