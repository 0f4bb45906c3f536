"""Dates and times as people and files write them, to epoch seconds and back."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo


@lru_cache(maxsize=8192)
def moment_of(text: str, zone: ZoneInfo, last: bool = False) -> int:
    """`2027-06-30`, `2027-06-30T12:00` or `2027-06-30T12:00+08:00` in epoch seconds; in `zone` unless it names its own.

    last: a day means its end, as in "until 30 June". Raises ValueError with what is wanted.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("a date is written 2027-06-30, a time 2027-06-30T12:00 or 2027-06-30T12:00+08:00") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    if last and moment.time() == time() and "T" not in text and " " not in text:
        moment += timedelta(days=1)  # by the calendar: the whole last day counts
    return int(moment.timestamp())


def text_of(moment: int, zone: ZoneInfo) -> str:
    """`2027-06-30T12:00:00+08:00`."""
    return datetime.fromtimestamp(moment, zone).isoformat()
