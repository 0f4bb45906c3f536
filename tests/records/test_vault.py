"""Sealed segments encrypted: read like others, nothing in the clear, every changed byte found, keys changed at any moment."""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path

import pytest
from tests.records.conftest import OpenSpool

from ringfence.records.errors import RecordsError, Tampered
from ringfence.records.framing import segments
from ringfence.records.keys import KeyRing, open_keys
from ringfence.records.settings import RecordsSettings
from ringfence.records.vault import Vault, rewrap
from ringfence.records.vault_file import CHUNK, read_card
from ringfence.records.verify import read, verify
from ringfence.warehouse.keeping import encrypt

OLD, NEW = bytes(32), bytes(range(32))
NUMBER = b"+8613900000001"


@pytest.fixture
def sealed(open_spool: OpenSpool) -> Path:
    """Two sealed segments, the second of several chunks."""
    hour = [3600.0]
    spool = open_spool(clock=lambda: hour[0])
    for number in range(4):
        spool.append([b"N\n%d\ntest\n%b" % (number + 1, NUMBER)], number, number)
    hour[0] += 3600
    spool.tick()
    dice = random.Random(1)
    for number in range(40):
        spool.append([b"N\n%d\ntest\n%b%b" % (number, NUMBER, dice.randbytes(4000).hex().encode())], number, number)
    spool.close()
    return spool.folder


@pytest.fixture
def vaults(sealed: Path) -> Path:
    """The same, encrypted."""
    for path in segments(sealed):
        encrypt(path, KeyRing([OLD]))
    return sealed


def test_what_was_written_is_read(sealed: Path) -> None:
    before, plain = verify(sealed), list(read(sealed))
    for path in segments(sealed):
        encrypt(path, KeyRing([OLD]))
    assert [path.suffix for path in segments(sealed)] == [".vault"] * 2
    assert verify(sealed, keys=lambda: KeyRing([OLD])) == before
    assert list(read(sealed, lambda: KeyRing([OLD]))) == plain


def test_nothing_of_it_is_in_the_clear(vaults: Path) -> None:
    for path in segments(vaults):
        assert NUMBER not in path.read_bytes()
        assert path.stat().st_mode & 0o777 == 0o600


def test_any_slice_is_the_plain_one(sealed: Path) -> None:
    path = segments(sealed)[1]
    plain = path.read_bytes()
    vault = Vault(encrypt(path, KeyRing([OLD])), KeyRing([OLD]))
    assert len(vault) == len(plain) > 5 * CHUNK
    dice = random.Random(2)
    for _ in range(300):
        start, stop = dice.randrange(len(plain) + 9), dice.randrange(len(plain) + 9)
        assert vault[start:stop] == plain[start:stop]
    vault.close()


def test_the_writer_goes_on_without_a_key(vaults: Path, open_spool: OpenSpool) -> None:
    spool = open_spool()
    spool.append([b"N\n1\ntest\nlater"], 1, 1)
    spool.close()
    report = verify(vaults, keys=lambda: KeyRing([OLD]))
    assert (report.troubles, report.records) == ([], 45)


def test_every_changed_byte_is_found(vaults: Path, tmp_path: Path) -> None:
    dice = random.Random(3)
    ring = KeyRing([OLD])
    for trial in range(150):
        copy = tmp_path / "copy"
        shutil.copytree(vaults, copy)
        path = dice.choice(segments(copy))
        data = bytearray(path.read_bytes())
        place = dice.randrange(len(data))
        data[place] ^= 1 << dice.randrange(8)
        path.write_bytes(data)
        # Which key it is wrapped by (a missing key is no edit), and the second slot, which is empty, do not count.
        if not (8 <= place < 12 or 72 <= place < 136):
            assert verify(copy, keys=lambda: ring).troubles, (trial, place)
        shutil.rmtree(copy)


def test_a_vault_cut_short(vaults: Path) -> None:
    path = segments(vaults)[1]
    os.truncate(path, path.stat().st_size - 1)
    with pytest.raises(Tampered, match="its end is missing"):
        read_card(path)
    assert [trouble.kind for trouble in verify(vaults, keys=lambda: KeyRing([OLD])).troubles] == ["edit"]


def test_without_the_key(vaults: Path) -> None:
    with pytest.raises(RecordsError, match="no key was given"):
        verify(vaults)
    with pytest.raises(RecordsError, match=r"not in records\.key_file"):
        verify(vaults, keys=lambda: KeyRing([NEW]))


def test_a_change_of_keys(vaults: Path) -> None:
    both = KeyRing([NEW, OLD])
    assert [rewrap(path, both) for path in segments(vaults)] == [True, True]
    assert [rewrap(path, both) for path in segments(vaults)] == [False, False]
    assert verify(vaults, keys=lambda: KeyRing([NEW])).troubles == []
    with pytest.raises(RecordsError):
        verify(vaults, keys=lambda: KeyRing([OLD]))


def test_a_change_of_keys_that_is_cut_off_anywhere_loses_nothing(vaults: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = segments(vaults)[0]
    whole = path.read_bytes()
    written = os.pwrite
    for steps in range(3):
        path.write_bytes(whole)
        left = [steps]

        def cut(descriptor: int, data: bytes, offset: int, left: list[int] = left) -> int:
            if not left[0]:
                written(descriptor, data[:30], offset)
                raise OSError("killed")
            left[0] -= 1
            return written(descriptor, data, offset)

        monkeypatch.setattr(os, "pwrite", cut)
        try:
            rewrap(path, KeyRing([NEW, OLD]))
        except OSError:
            pass
        monkeypatch.setattr(os, "pwrite", written)
        Vault(path, KeyRing([NEW, OLD])).close()
        rewrap(path, KeyRing([NEW, OLD]))
        Vault(path, KeyRing([NEW])).close()


def test_where_keys_come_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = open_keys(RecordsSettings(), tmp_path)
    file = tmp_path / "keys/records.key"
    assert file.stat().st_mode & 0o777 == 0o600
    wrapped = made.wrap(bytes(32))
    assert open_keys(RecordsSettings(key_file=file), tmp_path).unwrap([wrapped]) == bytes(32)
    monkeypatch.setenv("KEYS", f"{NEW.hex()}\n{file.read_text()}")
    assert open_keys(RecordsSettings(key_env="KEYS"), tmp_path).unwrap([wrapped]) == bytes(32)


def test_a_lost_key_is_not_made_anew(vaults: Path) -> None:
    with pytest.raises(RecordsError, match="it is missing, and records are encrypted by it"):
        open_keys(RecordsSettings(), vaults.parent)
    worker = vaults / "worker-2"
    worker.mkdir()
    for path in vaults.glob("*.vault"):
        path.rename(worker / path.name)
    with pytest.raises(RecordsError, match="put it back"):
        open_keys(RecordsSettings(), vaults.parent)
    assert not (vaults.parent / "keys").exists()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [("", "1 to 16 keys"), ("abc", ":1: records.key_file: a key is 64"), (f"{NEW.hex()}\n" * 2, "none of them twice")],
)
def test_key_files_with_faults(tmp_path: Path, text: str, complaint: str) -> None:
    file = tmp_path / "key"
    file.write_text(text)
    with pytest.raises(RecordsError, match=complaint):
        open_keys(RecordsSettings(key_file=file), tmp_path)
    with pytest.raises(RecordsError, match="cannot be read"):
        open_keys(RecordsSettings(key_file=tmp_path / "none"), tmp_path)


def test_one_place_of_keys() -> None:
    with pytest.raises(ValueError, match="exclude each other"):
        RecordsSettings(key_file=Path("x"), key_env="X")


def test_pseudonyms_say_nothing_and_stay() -> None:
    ring = KeyRing([OLD])
    assert ring.pseudonym("+861") == KeyRing([OLD, NEW]).pseudonym("+861") != ring.pseudonym("+862")
    assert ring.pseudonym("+861") != KeyRing([NEW]).pseudonym("+861")
    assert ring.pseudonym("") == ""
