"""`ringfence serve` and `ringfence version`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ringfence import __version__
from ringfence.cli.options import ConfigFile
from ringfence.cli.output import line
from ringfence.compiled import NATIVE, ROOMS, extent


def serve(config: ConfigFile) -> None:
    """Run the daemon in the foreground until SIGTERM."""
    from ringfence.cli.progress import stages
    from ringfence.daemon import load
    from ringfence.daemon import serve as run

    with stages() as progress:
        reloader = load(Path(config), progress)
    run(reloader, Path(config))


def version(
    json: Annotated[bool, typer.Option("--json", help="As JSON, with Python and platform.")] = False,
) -> None:
    """Print the version, and whether the call path is compiled."""
    if not json:
        line(f"ringfence {__version__}, call path: {extent()}")
        return
    import platform

    from ringfence.cli.output import as_json

    as_json(
        {
            "ringfence": __version__,
            "compiled": {"rooms": ROOMS, "twins": NATIVE},
            "python": platform.python_version(),
            "platform": platform.platform(),
        }
    )
