"""Ledgers and trunks from a few words, by the code that makes those of a configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ringfence.ledger import Ledger, Trunk, TrunkSettings, build_ledger
from ringfence.numbering import Numbering, NumberingSettings

_NUMBERING = Numbering(NumberingSettings())


def ledger_of(*trunks: dict[str, Any], generation: int = 1) -> Ledger:
    """A ledger of trunks, each by the keys that differ from a plain one's."""
    made = []
    for place, trunk in enumerate(trunks):
        usual = {
            "name": "acme",
            "holder": "Acme",
            "kind": "enterprise",
            "sources": [{"address": f"192.0.2.{place + 1}"}],
        }
        made.append(TrunkSettings.model_validate(usual | trunk))
    return build_ledger(made, _NUMBERING, Path(), generation, _no_file)


def trunk_of(**settings: Any) -> Trunk:
    """One trunk, in a ledger of its own."""
    ledger = ledger_of(settings)
    return next(iter(ledger.trunks.values()))


def _no_file(path: Path) -> bytes:
    raise FileNotFoundError(path)
