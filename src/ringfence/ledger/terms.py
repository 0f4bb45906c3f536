"""What the ledger says of a number on a trunk: grants with their terms, titles with their certificates."""

from __future__ import annotations

from typing import Literal, NamedTuple

from ringfence.sectors import Sector

FOREVER = float("inf")

Purpose = Literal["service", "marketing", "notification", "verification", "internal"]
Direction = Literal["originate", "receive"]


class Terms(NamedTuple):
    """Under which terms a trunk may show a number.

    purposes: kinds of calls it is for, none: all. since, until: epoch seconds, until not included.
    sector: what calls from it sell, "": what the trunk's do.
    """

    purposes: tuple[Purpose, ...] = ()
    originate: bool = True
    receive: bool = True
    since: float = 0.0
    until: float = FOREVER
    suspended: bool = False
    note: str = ""
    sector: Sector | Literal[""] = ""


class Title(NamedTuple):
    """Whose a number is, and by which certificate. since, until: epoch seconds, until not included."""

    holder: str
    certificate: str = ""
    since: float = 0.0
    until: float = FOREVER
