"""Country codes of the world and how long the numbers behind them are (ITU-T E.164 and its national annexes)."""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files

MOST_DIGITS = 15  # E.164 §6.2: country code included
FEWEST_DIGITS = 7  # country code included; the shortest that exist are Niue's
LONGEST_CODE = 3


class Country:
    """region: ISO 3166 of the code's main user, "001" for none. lengths: digits its national numbers may have."""

    __slots__ = ("code", "lengths", "region")

    def __init__(self, code: str, region: str, lengths: frozenset[int]) -> None:
        self.code = code
        self.region = region
        self.lengths = lengths


@cache
def countries() -> dict[str, Country]:
    """Every country code; read once from this package's world.csv."""
    text = files("ringfence.numbering").joinpath("world.csv").read_text(encoding="ascii")
    rows = csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))
    return {
        row["code"]: Country(row["code"], row["region"], frozenset(map(int, row["digits"].split()))) for row in rows
    }
