"""Where the records of a daemon are."""

from __future__ import annotations

from pathlib import Path

from ringfence.records.settings import RecordsSettings

APART = 10**15  # the sequence numbers of worker n begin behind n times this: a record's number names it in all of them
_PREFIX = "worker-"


def folder_of(settings: RecordsSettings, data_directory: Path) -> Path:
    """The folder with the records; workers have a spool each in a folder within."""
    return settings.folder or data_directory / "records"


def spool_of(folder: Path, number: int, workers: int) -> tuple[Path, int]:
    """The spool of a worker (from 1 on), and the number of its first record; one worker alone has the folder itself."""
    return (folder, 1) if workers == 1 else (folder / f"{_PREFIX}{number}", number * APART + 1)


def spools(folder: Path) -> list[Path]:
    """Every spool there may be records in: the folder itself, and those of workers, of former times too.

    Raises OSError where the folder cannot be read.
    """
    found = [path for path in folder.iterdir() if path.name.startswith(_PREFIX) and path.is_dir()]
    return [folder, *sorted(found, key=lambda path: (len(path.name), path.name))]
