"""Fuzz targets of the ledger's importers: a table, a YAML file or a foreign table is read, or refused with its places."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ringfence.config.faults import ConfigError
from ringfence.config.validation import validate
from ringfence.config.yaml_source import read_yaml
from ringfence.ledger import LedgerError, chosen, scan
from ringfence.ledger.build import Folder, build, draft_of
from ringfence.ledger.documents import Document
from ringfence.ledger.entries import LedgerFile
from ringfence.ledger.faults import Place
from ringfence.ledger.foreign import converted
from ringfence.ledger.tables import TABLES
from ringfence.numbering import Numbering, NumberingSettings

_NUMBERING = Numbering(NumberingSettings())
_BASE = LedgerFile.model_validate(
    {
        "holders": [{"name": "Bank", "numbers": [{"from": "+862160000000", "to": "+862169999999"}]}],
        "sets": [{"name": "lines", "holder": "Bank"}],
        "trunks": [{"name": "bank", "holder": "Bank", "kind": "enterprise", "sources": [{"address": "192.0.2.1"}]}],
    }
)


def table(data: bytes) -> None:
    """One table beside a small ledger; the first byte says which."""
    if not data:
        return
    name = list(TABLES)[data[0] % len(TABLES)]
    text = data[1:]
    lines = text.count(b"\n") + 1
    folder = Folder([Document(_BASE, lambda location: Place(file="base"), Path())], [(name, Path(f"{name}.csv"))])
    draft = draft_of((), _NUMBERING, Path(), lambda path: text, folder)
    try:
        made = build(draft, 1_800_000_000.0)
    except LedgerError as error:
        for fault in error.faults:
            assert fault.place.file in ("base", f"{name}.csv"), fault
            assert 0 <= fault.place.line <= lines and fault.place.column >= 0, fault
            assert fault.message
        return
    assert made.facts["ranges"] >= 1


def twins(data: bytes) -> None:
    """The regular lines, in Python and in C."""
    if chosen.COMPILED:
        assert scan.scan(data, 0, 1, b"knftxo", b"") == chosen.scan(data, 0, 1, b"knftxo", b"")


def document(data: bytes) -> None:
    """One YAML file."""
    try:
        validate(LedgerFile, read_yaml(data, "f.yaml"), "f.yaml", {})
    except ConfigError as error:
        assert error.faults and all(fault.file == "f.yaml" for fault in error.faults)


def foreign(data: bytes) -> None:
    """A table of another system: as many lines as before, or a fault."""
    try:
        made = converted(data, "f.csv", "grants", {"a": "trunk", "b": "number", "c": ""}, "utf-8", ";")
    except LedgerError as error:
        assert error.faults[0].place.file == "f.csv"
        return
    assert made.count(b"\n") == data.count(b"\n") + (not data.endswith(b"\n"))


LEDGER_TARGETS: dict[str, Callable[[bytes], None]] = {
    "ledger_table": table,
    "ledger_twins": twins,
    "ledger_document": document,
    "ledger_foreign": foreign,
}
