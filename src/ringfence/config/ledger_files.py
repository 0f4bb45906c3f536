"""A ledger's folder on disk: which files it has, what its YAML files say, and a digest of it all."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path

from ringfence.config.faults import ConfigError, Fault, path_text
from ringfence.config.files import Files
from ringfence.config.settings import Settings
from ringfence.config.validation import Source, validate
from ringfence.config.yaml_source import read_yaml
from ringfence.ledger.build import Folder
from ringfence.ledger.documents import Document
from ringfence.ledger.entries import LedgerFile
from ringfence.ledger.faults import Location, Place
from ringfence.ledger.tables import TABLES, table_of
from ringfence.numbering import Numbering

_YAML = (".yaml", ".yml")
_DIGEST_VERSION = b"2"  # rises with what a snapshot means, so that an older one is not taken for today's


def entries(folder: Path, files: Files) -> list[Path]:
    """Every file of the folder and of folders in it, in order; hidden ones and those without our endings are nobody's.

    Raises ConfigError where the folder cannot be read.
    """
    try:
        found = [path for path in files.walk(folder) if path.suffix in (*_YAML, ".csv")]
    except OSError as error:
        raise ConfigError([Fault(str(folder), 0, "", f"cannot be read: {error.strerror}")]) from None
    return sorted(found)


def read_folder(folder: Path, files: Files) -> Folder:
    """The folder's YAML files, validated, and its tables by name. Raises ConfigError with every fault of the former."""
    documents: list[Document] = []
    tables: list[tuple[str, Path]] = []
    faults: list[Fault] = []
    for path in entries(folder, files):
        if path.suffix in _YAML:
            try:
                documents.append(_document(path, files))
            except ConfigError as error:
                faults += error.faults
        elif path.parent == folder:
            table = table_of(path.name)
            if table is None:
                known = ", ".join(f"{name}.csv" for name in TABLES)
                faults.append(Fault(str(path), 0, "", f"no table of a ledger: there are {known}, also {_LIKE}"))
            else:
                tables.append((table, path))
    if faults:
        raise ConfigError(faults)
    return Folder(documents, tables)


_LIKE = "grants-2026.csv and the like; files of numbers lie in folders below"


def _document(path: Path, files: Files) -> Document:
    said, source = validate(LedgerFile, read_yaml(files.read_config(path), str(path)), str(path), {})
    return Document(said, _places(source), path.parent)


def _places(source: Source) -> Callable[[Location], Place]:
    def place_of(location: Location) -> Place:
        written = tuple("from" if part == "from_" else part for part in location)
        fault = source.fault(written, "")
        return Place(file=fault.file, line=fault.line, path=path_text(written))

    return place_of


def digest_of(settings: Settings, numbering: Numbering, folder: Path, files: Files) -> tuple[bytes, int]:
    """32 bytes that change with whatever a snapshot of this ledger is made from, and how many bytes that is.

    Raises ConfigError where a file cannot be read.
    """
    digest = blake2b(_DIGEST_VERSION, digest_size=32)
    digest.update(settings.numbering.model_dump_json().encode())
    digest.update(numbering.plan.model_dump_json().encode())
    digest.update(settings.ledger.utc_offset.encode())
    for trunk in settings.trunks:
        digest.update(trunk.model_dump_json().encode())
        for entry in trunk.numbers:
            if entry.file is not None:
                _add(digest, folder / entry.file, files)
    size = 0
    for path in entries(folder, files):
        digest.update(b"\0" + str(path.relative_to(folder)).encode() + b"\0")
        size += _add(digest, path, files)
    return digest.digest(), size


def _add(digest: blake2b, path: Path, files: Files) -> int:
    try:
        size = 0
        for piece in files.pieces(path):
            digest.update(piece)
            size += len(piece)
        return size
    except OSError as error:
        raise ConfigError([Fault(str(path), 0, "", f"cannot be read: {error.strerror}")]) from None
