"""Settings on their way to a worker: what it judges by is what the front has in force."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.cli.command import SAMPLE
from tests.support import ledgers

from ringfence.config import ledger_store
from ringfence.config.ledger_store import Here, Stored
from ringfence.config.load import load_bundle
from ringfence.errors import RingfenceError
from ringfence.workers.parcel import dumped, loaded, packed, unpacked
from ringfence.workers.portion import portion


def test_a_generation_arrives_whole() -> None:
    bundle = load_bundle(SAMPLE, 4, make_ledger=Here())
    there = unpacked(loaded(dumped(packed(bundle, 1))))
    assert there.generation == 4 and there.settings == bundle.settings
    assert list(there.ledger.trunks) == list(bundle.ledger.trunks)
    assert there.ledger.snapshot.view == bundle.ledger.snapshot.view
    assert there.places.calendars.keys() == bundle.places.calendars.keys()
    number = "+8613900001000"
    assert there.numbering.read(number) == bundle.numbering.read(number)


def test_bounds_are_shared_out_and_together_they_are_whole() -> None:
    settings = load_bundle(SAMPLE, make_ledger=Here()).settings
    part = portion(settings, 3)
    limits, whole = part.sip.limits, settings.sip.limits
    assert limits.transactions == -(-whole.transactions // 3) and limits.dialogs == -(-whole.dialogs // 3)
    assert limits.resolving == -(-whole.resolving // 3) and limits.dialog_lifetime == whole.dialog_lifetime
    assert part.records.buffer_bytes * 3 >= settings.records.buffer_bytes
    assert part.redis.max_pending * 3 >= settings.redis.max_pending
    assert part.voice.max_pending * 3 >= settings.voice.max_pending
    assert part.roaming.max_pending * 3 >= settings.roaming.max_pending
    assert part.screening == settings.screening and portion(settings, 1) == settings


def test_a_large_ledger_is_mapped_where_it_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_store, "SMALL", 0)
    path = ledgers.write(tmp_path, {"grants.csv": "trunk,number\nbank,+862160000001\n"})
    bundle = load_bundle(path, 2, make_ledger=Stored(path))
    parcel = packed(bundle, 2)
    assert parcel["snapshot"] is None
    there = unpacked(loaded(dumped(parcel)))
    assert list(there.ledger.rows()) == list(bundle.ledger.rows())
    assert there.ledger.trunks["bank"].standing("+862160000001").granted
    for file in (tmp_path / "data/ledger").glob("*.snapshot"):
        file.unlink()
    with pytest.raises(RingfenceError, match="is not there any more"):
        unpacked(parcel)
