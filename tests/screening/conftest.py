"""Calls and trunks for the rules' tests, made by hand: no message, no ledger file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.support.trunks import trunk_of

from ringfence.ledger import Trunk
from ringfence.numbering import Numbering, NumberingSettings
from ringfence.screening import Call
from ringfence.screening.diversion import NOT_DIVERTED, Diverted

NUMBERING = Numbering(NumberingSettings())
OWN = "+862162345678"  # granted to every trunk that `make_trunk` makes, as is its neighbour
NEIGHBOUR = "+862162345679"
CALLEE = "+8613912345678"

MakeTrunk = Callable[..., Trunk]
MakeCall = Callable[..., Call]


@pytest.fixture
def make_trunk() -> MakeTrunk:
    """A trunk with two numbers; keywords replace what it has."""

    def make(name: str = "acme", **more: Any) -> Trunk:
        return trunk_of(name=name, **({"numbers": [{"from": OWN, "to": NEIGHBOUR}]} | more))

    return make


@pytest.fixture
def make_call(make_trunk: MakeTrunk) -> MakeCall:
    """A call with texts for numbers; `asserted` may be one text or several."""

    def make(
        shown: str = OWN,
        callee: str = CALLEE,
        asserted: str | tuple[str, ...] = (),
        trunk: Trunk | None = None,
        preferred: tuple[str, ...] = (),
        remote_party: tuple[str, ...] = (),
        diverted_by: str | None = None,
        hops: int = 1,
        contradicts: bool = False,
        **more: Any,
    ) -> Call:
        texts = (asserted,) if isinstance(asserted, str) else asserted
        diverted = NOT_DIVERTED if diverted_by is None else Diverted(NUMBERING.read(diverted_by), hops, contradicts)
        identities = tuple(NUMBERING.read(text) for text in texts)
        return Call(
            trunk or make_trunk(),
            NUMBERING.read(shown),
            NUMBERING.read(callee),
            identities[0] if identities else None,
            identities,
            preferred=tuple(NUMBERING.read(text) for text in preferred),
            remote_party=tuple(NUMBERING.read(text) for text in remote_party),
            diverted=diverted,
            **more,
        )

    return make
