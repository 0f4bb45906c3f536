"""The timers that an operator may set (RFC 3261 §17 table 4)."""

from __future__ import annotations

from pydantic import Field

from ringfence.settings_types import Duration, Frozen


class TimerSettings(Frozen):
    """RFC 3261 timer values; the others follow from these."""

    t1: Duration = Field(
        0.5, gt=0, description="Round-trip estimate; first retransmission interval (RFC 3261 §17.1.1.1)."
    )
    t2: Duration = Field(
        4.0,
        gt=0,
        description="Longest interval between retransmissions of a non-INVITE request or a response.",
    )
    t4: Duration = Field(5.0, gt=0, description="Longest time a message stays in the network.")
    c: Duration = Field(
        190.0,
        gt=180,
        description="Longest wait for a final answer to a forwarded INVITE (timer C); more than 3 minutes.",
    )
