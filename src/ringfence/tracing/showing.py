"""Trace requests in plain values, for people and programs; numbers in full for those alone who may see them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from ringfence.registry.numbers import masked
from ringfence.tracing.disclosure import joined
from ringfence.tracing.messages import Asked, Hop
from ringfence.tracing.requests import TraceRequest

_NUMBERS = re.compile(r"\+?\d{8,}")  # shorter ones are services', nobody's own


def plain(request: TraceRequest, in_full: bool) -> dict[str, Any]:
    """A request with what was answered; times in UTC."""
    values = request._asdict()
    for name in ("made_at", "due_at", "ended_at"):
        values[name] = _time(values[name])
    values["asked"] = _asked(request.asked, _as_it_is if in_full else _hidden)
    values["hops"] = hops(request, in_full)
    del values["signed"], values["proofs"]
    return values


def hops(request: TraceRequest, in_full: bool) -> list[dict[str, Any]]:
    """Hops of an answer, nearest first.

    joined: by what each is the call that was asked about; empty: it is another one. proof: whose signature stands
    behind it (`proofs.Proof`); "" of our own answer.
    """
    show = _as_it_is if in_full else _hidden
    proofs = request.proofs or ("",) * len(request.hops)
    return [
        {**_hop(hop, show), "joined": joined(hop, request.asked), "proof": proof}
        for hop, proof in zip(request.hops, proofs, strict=True)
    ]


def chain(requests: Sequence[TraceRequest], in_full: bool) -> list[dict[str, Any]]:
    """What our own requests found behind a call of ours, nearest first; of several the newest."""
    for one in reversed(requests):
        if one.direction == "out" and one.hops:
            return hops(one, in_full)
    return []


def _asked(asked: Asked, show: Callable[[str], str]) -> dict[str, Any]:
    values = asked.model_dump(mode="json")
    return values | {name: show(values[name]) for name in ("caller", "callee", "why", "reference")}


def _hop(hop: Hop, show: Callable[[str], str]) -> dict[str, Any]:
    values = hop.model_dump(mode="json")
    values |= {name: show(values[name]) for name in ("shown", "shown_as", "callee")}
    return values | {"asserted": [show(value) for value in values["asserted"]]}


def _as_it_is(text: str) -> str:
    return text


def _hidden(text: str) -> str:
    return _NUMBERS.sub(lambda found: masked(found[0]), text)


def _time(moment: int | None) -> str | None:
    return None if moment is None else datetime.fromtimestamp(moment, UTC).isoformat().replace("+00:00", "Z")
