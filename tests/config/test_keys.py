from __future__ import annotations

from pathlib import Path

import pytest

from ringfence.config.faults import ConfigError
from ringfence.config.keys import read_key, read_keys, route_key, store_keys
from ringfence.config.load import load
from ringfence.config.settings import Settings
from ringfence.lookups.keys import Keys

from .conftest import WriteConfig


def digest_of(settings: Settings) -> bytes:
    return store_keys(settings).digest("1")


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
    assert digest_of(load(config("redis: {digest_key_file: k}\n"), environ={})) == Keys("", b"\xab" * 32).digest("1")
    assert not (tmp_path / "data").exists()


def test_each_purpose_has_its_own_key(config: WriteConfig) -> None:
    settings = load(config(), environ={})
    assert Keys("", route_key(settings)).digest("1") != digest_of(settings)


@pytest.mark.parametrize("text", ["", "ab" * 31, "zz" * 32, "é" * 64])
def test_what_is_no_key_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "k"
    file.write_text(text)
    with pytest.raises(ConfigError, match=r"k(:1)?: secrets\.x: holds no key: 64 hexadecimal digits are wanted"):
        read_key(file, "secrets.x")


def test_a_file_of_several_keys(tmp_path: Path) -> None:
    file = tmp_path / "k"
    file.write_text("ab" * 32 + "\n\n" + "cd" * 32 + "\n")
    assert read_keys(file, "redis.x") == [b"\xab" * 32, b"\xcd" * 32]
    with pytest.raises(ConfigError, match=r"secrets\.x: holds more than one key"):
        read_key(file, "secrets.x")
    file.write_text("ab" * 32 + "\nab\n")
    with pytest.raises(ConfigError, match=r"k:2: redis\.x: holds no key"):
        read_keys(file, "redis.x")


def test_digest_keys_follow_their_files(config: WriteConfig, tmp_path: Path) -> None:
    old, new, other = "ab" * 32, "cd" * 32, "ef" * 32
    (tmp_path / "k").write_text(old)
    (tmp_path / "o").write_text(other)
    settings = load(config("redis: {digest_key_file: k, other_digest_key_files: [o]}\n"), environ={})
    keys = store_keys(settings)
    before, made = (
        keys.digest("1"),
        {one: str(Keys("", bytes.fromhex(one)).new_generation("0" * 8, 6)) for one in (old, new, other)},
    )
    assert [keys.generation(made[one]) is not None for one in (old, new, other)] == [True, False, True]
    (tmp_path / "k").write_text(f"{old}\n{new}\n")
    keys.renew()
    assert [keys.generation(made[one]) is not None for one in (old, new, other)] == [True, True, True]
    assert (keys.digest("1"), str(keys.new_generation("0" * 8, 6))) == (before, made[old])
    (tmp_path / "k").write_text(f"{new}\n{old}\n")
    keys.renew()
    assert str(keys.new_generation("0" * 8, 6)) == made[new]
    assert keys.digest("1") != before
    for broken in ("half a k", None):
        (tmp_path / "k").write_text(broken) if broken else (tmp_path / "k").unlink()
        keys.renew()
        assert str(keys.new_generation("0" * 8, 6)) == made[new]
    (tmp_path / "k").write_text(new)
    keys.renew()
    assert [keys.generation(made[one]) is not None for one in (old, new, other)] == [False, True, True]


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"secrets\.x: cannot be read: No such file"):
        read_key(tmp_path / "k", "secrets.x")


def test_a_data_directory_that_cannot_be_made(config: WriteConfig, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    with pytest.raises(ConfigError, match="data_directory: cannot be written: Not a directory"):
        route_key(load(config(), environ={}))
