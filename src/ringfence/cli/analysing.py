"""`ringfence records export|query`: records as Parquet files, and questions to these in SQL."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from ringfence.cli import output
from ringfence.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile, duration
from ringfence.cli.record_keys import keys_of
from ringfence.cli.tracing import Folder, InFull, noted, records_folder

Parquet = Annotated[Path, typer.Option("--parquet", metavar="DIR", help="Folder of the Parquet files.")]


def export(
    parquet: Parquet,
    since: Annotated[float, typer.Option(parser=duration, metavar="DURATION", help="How far back.")] = 86_400.0,
    full: InFull = False,
    folder: Folder = None,
    config: ConfigFile = DEFAULT_CONFIG,
    json: AsJson = False,
) -> None:
    """Write records as Parquet, a folder a day; files that are there are replaced by what is on record now."""
    from ringfence.cli.progress import bar
    from ringfence.warehouse.library import Library
    from ringfence.warehouse.parquet import duckdb
    from ringfence.warehouse.parquet import export as write

    duckdb()
    place = folder or records_folder(config)
    library = Library(place, keys_of(config))
    begin = int((time.time() - since) * 1e6)
    total = library.estimate(begin)
    noted(place, "records export", {"parquet": str(parquet)}, total, full)
    with bar("exporting", unit="records") as advance:
        counts = write(library, parquet.absolute(), begin, full, lambda done: advance(done, max(done, total)))
    if json:
        output.as_json(counts)
    else:
        output.line(", ".join(f"{count} {table}" for table, count in counts.items()))


def query(
    question: Annotated[str, typer.Argument(metavar="SQL", help="DuckDB's SQL over calls, endings and stories.")],
    parquet: Parquet,
    folder: Folder = None,
    config: ConfigFile = DEFAULT_CONFIG,
    json: AsJson = False,
) -> None:
    """Ask exported records in SQL; the views are calls, endings and stories (a call with how it went)."""
    from ringfence.warehouse.parquet import ask, opened

    place = folder or records_folder(config)
    with opened(parquet.absolute()) as (base, in_full):
        names, rows = ask(base, question)
    noted(place, "records query", {"parquet": str(parquet), "sql": question[:1000]}, len(rows), in_full)
    if json:
        output.as_json([{name: _plain(value) for name, value in zip(names, row, strict=True)} for row in rows])
    else:
        output.table(names, [["" if value is None else str(value) for value in row] for row in rows])


def _plain(value: object) -> object:
    return value if value is None or isinstance(value, str | int | float | list | dict) else str(value)
