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
    worker = 0 if workers == 1 else number
    return (folder / f"{_PREFIX}{number}" if worker else folder), first_of(worker)


def first_of(worker: int) -> int:
    """The number of the first record of a worker's spool; 0: of one that is alone."""
    return worker * APART + 1


def worker_of(spool: Path) -> int:
    """Whose a spool is, as `spools` names it; 0: of one that is or was alone."""
    number = spool.name.removeprefix(_PREFIX)
    return int(number) if spool.name.startswith(_PREFIX) and number.isdigit() else 0


def spools(folder: Path) -> list[Path]:
    """Every spool there may be records in: the folder itself, and those of workers, of former times too.

    Raises OSError where the folder cannot be read.
    """
    found = [path for path in folder.iterdir() if worker_of(path) and path.is_dir()]
    return [folder, *sorted(found, key=lambda path: (len(path.name), path.name))]
