from __future__ import annotations

from tests.transaction.support import UDP

from ringfence.transaction.effects import Effects
from ringfence.transaction.timers import TimerQueue


def test_wishes_keep_their_order_and_stay_with_their_turn() -> None:
    timers = TimerQueue()
    one, other = Effects(timers), Effects(timers)
    one.sends.append((UDP, b"first"))
    one.sends.append((UDP, b"second"))
    assert [data for _, data in one.sends] == [b"first", b"second"]
    assert other.sends == []
    assert one.timers is other.timers is timers
