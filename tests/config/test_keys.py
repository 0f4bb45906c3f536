from __future__ import annotations

from pathlib import Path

import pytest

from ringfence.config.faults import ConfigError
from ringfence.config.keys import digest_key, read_key, route_key
from ringfence.config.load import load

from .conftest import WriteConfig


def test_a_key_is_made_once_for_its_owner_alone(config: WriteConfig, tmp_path: Path) -> None:
    settings = load(config(), environ={})
    key = route_key(settings)
    file = tmp_path / "data/keys/route.key"
    assert len(key) == 32
    assert route_key(settings) == key
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    assert [path.name for path in file.parent.iterdir()] == ["route.key"]


def test_the_loser_of_a_race_takes_the_winners_key(
    config: WriteConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load(config(), environ={})
    first = route_key(settings)
    exists = Path.exists
    monkeypatch.setattr(Path, "exists", lambda path: path.name != "route.key" and exists(path))
    assert route_key(settings) == first


def test_a_named_key_is_read(config: WriteConfig, tmp_path: Path) -> None:
    (tmp_path / "k").write_text("ab" * 32 + "\n")
    assert route_key(load(config("secrets: {route_key_file: k}\n"), environ={})) == b"\xab" * 32
    assert digest_key(load(config("redis: {digest_key_file: k}\n"), environ={})) == b"\xab" * 32
    assert not (tmp_path / "data").exists()


def test_each_purpose_has_its_own_key(config: WriteConfig) -> None:
    settings = load(config(), environ={})
    assert route_key(settings) != digest_key(settings)


@pytest.mark.parametrize("text", ["", "ab" * 31, "zz" * 32, "é" * 64])
def test_what_is_no_key_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "k"
    file.write_text(text)
    with pytest.raises(ConfigError, match=r"k: secrets\.x: holds no key: 64 hexadecimal digits are wanted"):
        read_key(file, "secrets.x")


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"secrets\.x: cannot be read: No such file"):
        read_key(tmp_path / "k", "secrets.x")


def test_a_data_directory_that_cannot_be_made(config: WriteConfig, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    with pytest.raises(ConfigError, match="data_directory: cannot be written: Not a directory"):
        route_key(load(config(), environ={}))
