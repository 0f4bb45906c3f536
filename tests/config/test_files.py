from __future__ import annotations

from pathlib import Path

import pytest

from ringfence.config.faults import ConfigError
from ringfence.config.files import Files, stamp


def test_what_was_read_is_stamped(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"one")
    files = Files()
    assert files.read(path) == b"one"
    assert files.stamps == {path: stamp(path)}


def test_an_edit_a_rename_over_it_and_a_removal_change_the_stamp(tmp_path: Path) -> None:
    path, other = tmp_path / "a", tmp_path / "b"
    path.write_bytes(b"one")
    first = stamp(path)
    path.write_bytes(b"longer")
    second = stamp(path)
    other.write_bytes(b"longer")
    other.rename(path)
    third = stamp(path)
    path.unlink()
    assert len({first, second, third, stamp(path)}) == 4
    assert stamp(path) is None


def test_a_file_that_cannot_be_read_is_remembered_and_named(tmp_path: Path) -> None:
    files = Files()
    missing = tmp_path / "missing.yaml"
    with pytest.raises(ConfigError) as caught:
        files.read_config(missing)
    assert str(caught.value) == f"{missing}: cannot be read: No such file or directory"
    assert files.stamps == {missing: None}
    with pytest.raises(OSError, match="No such file"):
        files.read(missing)
