"""Where the records of a daemon are."""

from __future__ import annotations

from pathlib import Path

from ringfence.records.settings import RecordsSettings


def folder_of(settings: RecordsSettings, data_directory: Path) -> Path:
    """The folder with the spool's segments."""
    return settings.folder or data_directory / "records"
