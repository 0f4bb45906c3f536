"""A ledger's folder changed as a whole: looked at first, then put in place in one step, or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import IO

import yaml

from ringfence.config.faults import ConfigError
from ringfence.config.files import Files
from ringfence.config.ledger_files import read_folder
from ringfence.config.ledger_store import Here, silent
from ringfence.config.load import Bundle, load_bundle
from ringfence.config.plan_file import numbering_by
from ringfence.config.settings import Settings
from ringfence.ledger.build import Folder, Progress, draft_of
from ringfence.ledger.documents import ReadFile
from ringfence.ledger.export import REST, export
from ringfence.ledger.faults import LedgerError
from ringfence.ledger.tables import table_of


class Candidate:
    """A folder with one file as it would be. read: gives that file's new content, and all others' as they are."""

    def __init__(self, path: Path, content: bytes) -> None:
        self._path = path
        self._content = content

    def folder(self, settings: Settings, files: Files) -> Folder:
        """What the folder would hold."""
        assert settings.ledger.folder is not None
        folder = read_folder(settings.ledger.folder, files)
        table = table_of(self._path.name)
        assert table is not None
        tables = [each for each in folder.tables if each[1] != self._path]
        return Folder(folder.documents, [*tables, (table, self._path)])

    def read(self, read: ReadFile) -> ReadFile:
        """A reader that gives the new content."""
        return lambda path: self._content if path == self._path else read(path)


def load_with(
    config: Path, folder: Path | None, candidate: Candidate | None = None, progress: Progress = silent
) -> Bundle:
    """The configuration as it would be with another folder, or with one file changed.

    Raises ConfigError: whatever is wrong, what is over by today too.
    """

    def changed(settings: Settings) -> Settings:
        if folder is None:
            return settings
        return settings.model_copy(update={"ledger": settings.ledger.model_copy(update={"folder": folder.absolute()})})

    bundle = load_bundle(config, make_ledger=Here(progress, candidate), change=changed)
    if bundle.late:
        raise ConfigError(bundle.late)
    return bundle


def install_file(target: Path, content: bytes) -> None:
    """Put a file in place whole, also if the machine stops meanwhile."""
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=".", delete=False) as file:
        temporary = Path(file.name)
        try:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            temporary.chmod(0o644)
            temporary.replace(target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def install_folder(source: Path, target: Path) -> Path | None:
    """Put a copy of a folder where another is; where the former one is kept, None when there was none."""
    fresh = target.with_name(f".{target.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    shutil.copytree(source, fresh)
    kept = None
    if target.exists():
        kept = target.with_name(f"{target.name}.before-{time.strftime('%Y%m%d-%H%M%S')}")
        target.rename(kept)
    fresh.rename(target)
    return kept


def export_folder(settings: Settings, base_dir: Path, target: Path) -> int:
    """Write a ledger's folder anew in one form; how many lines. Raises LedgerError or ConfigError."""
    assert settings.ledger.folder is not None
    files = Files()
    folder = read_folder(settings.ledger.folder, files)
    numbering = numbering_by(settings.numbering)
    draft = draft_of((), numbering, base_dir, files.read, folder, utc_offset=settings.ledger.utc_offset)
    if draft.faults:
        raise LedgerError(draft.faults)
    target.mkdir(parents=True, exist_ok=True)
    lines = 0
    with ExitStack() as stack:
        opened: dict[str, IO[str]] = {}

        def put(name: str, line: str) -> None:
            nonlocal lines
            if name not in opened:
                opened[name] = stack.enter_context((target / name).open("w", encoding="utf-8"))
            opened[name].write(line + "\n")
            lines += 1

        rest = export(draft, folder, files.read, put)
    if rest:
        text = yaml.dump(rest, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=120)
        (target / REST).write_text(text, encoding="utf-8")
        lines += text.count("\n")
    return lines


class _Dumper(yaml.SafeDumper):
    """Quotes all text: a reader of YAML 1.1 would take numbers, dates and `no` for something else."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style='"')


_Dumper.add_representer(str, _text)
