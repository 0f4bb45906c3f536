import os
from pathlib import Path

from ringfence.mirror.expiry import forget_old

NOW = 1_800_000_000.0


def test_only_captures_and_only_old_ones_go(tmp_path: Path) -> None:
    for name, age in (("old.pcapng", 101), ("new.pcapng", 99), ("old.txt", 1_000)):
        (tmp_path / name).write_bytes(b"")
        os.utime(tmp_path / name, (NOW - age, NOW - age))
    assert forget_old(tmp_path, 100.0, NOW) == 1
    assert {path.name for path in tmp_path.iterdir()} == {"new.pcapng", "old.txt"}
    assert forget_old(tmp_path / "none", 100.0, NOW) == 0


def test_what_cannot_be_deleted_ends_nothing(tmp_path: Path) -> None:
    (tmp_path / "old.pcapng").mkdir()
    os.utime(tmp_path / "old.pcapng", (0, 0))
    assert forget_old(tmp_path, 100.0, NOW) == 0
