"""Telephone numbers as an index holds them, and as people who need not know them see them."""

from __future__ import annotations

SHOWN_AHEAD, SHOWN_BEHIND = 4, 3  # digits of a masked number: its country and kind, and enough to tell two apart
LONGEST_SHOWN = 7  # a number of so many digits or fewer is a service's, nobody's own


def key_of(number: str) -> int | None:
    """A normalised number as an integer of 64 bits: E.164 as it is, a short code below zero. None: no number."""
    if number[:1] == "+" and number[1:].isdigit() and len(number) <= 18:
        return int(number[1:])
    if number.isdigit() and len(number) <= 17:
        return -int(f"1{number}")  # the 1 keeps leading zeros
    return None


def masked(text: str) -> str:
    """A number, or a text with numbers in it, without the digits in their middle."""
    out: list[str] = []
    run = ""
    for character in [*text, ""]:
        if character.isdigit():
            run += character
            continue
        out.append(_masked_run(run) + character)
        run = ""
    return "".join(out)


def _masked_run(digits: str) -> str:
    if len(digits) <= LONGEST_SHOWN:
        return digits
    hidden = len(digits) - SHOWN_AHEAD - SHOWN_BEHIND
    return digits[:SHOWN_AHEAD] + "*" * hidden + digits[-SHOWN_BEHIND:]
