"""The ledger's fuzz targets for a moment, on tables and files that were changed at random."""

from __future__ import annotations

import random

import pytest
from tests.fuzz.ledger_targets import LEDGER_TARGETS
from tests.support.ledgers import HOLDERS, TRUNKS

ROUNDS = 1_500
SEEDS = [
    b"\x00name,legal_name,contract_until,calls_per_hour,sanctions\nX,Y,2026-01-01,5,a; b\n",
    b"\x01name,holder,kind,marketing,area\nx,Bank,enterprise,true,021\ny,Bank,call_center,,\n",
    b"\x02trunk,address,port,certificate\nbank,192.0.2.9,5060,\nbank,,,pbx.example\n",
    b"\x03holder,number,prefix,from,to,valid_until,note\nBank,95588,,,,,\nBank,,02160,,,2026-01-01,x\n",
    b"\x04set,number,from,to,note\nlines,+862160000001,,,\nlines,,+862160000010,+862160000019,\n",
    b"\x05trunk,set,number,from,to,purpose,direction,note\nbank,,+862160000001,,,service,,\nbank,lines,,,,,receive,\n",
    b"a;b;c\nbank;1;2\n",
    HOLDERS.encode(),
    TRUNKS.encode(),
]
PIECES = [
    b"\n", b"\r\n", b",", b";", b'"', b"#", b"+", b"+86", b"0", b"9" * 20, b"\0", b"\xff", b"\xe5\xa4\x87", b" ", b"95588",
    b"2026-02-30", b"[", b"{", b"- ", b": ", b"&a", b"*a", b"|", b"true", b"\x1f",
]  # fmt: skip


@pytest.mark.parametrize("name", LEDGER_TARGETS)
def test_seeds(name: str) -> None:
    for seed in SEEDS:
        LEDGER_TARGETS[name](seed)
        LEDGER_TARGETS[name](seed[1:])


@pytest.mark.parametrize("name", LEDGER_TARGETS)
def test_random_changes(name: str) -> None:
    dice = random.Random(138)
    for _ in range(ROUNDS):
        data = dice.choice(SEEDS)
        for _ in range(dice.randint(1, 4)):
            at = dice.randrange(len(data) + 1)
            end = min(len(data), at + dice.choice((0, 1, 3, 20)))
            data = data[:at] + dice.choice((b"", *PIECES)) + data[end:]
        try:
            LEDGER_TARGETS[name](data)
        except Exception:
            print("reproduce with:", repr(data))
            raise
