"""`ringfence serve` and `ringfence version`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ringfence import __version__
from ringfence.cli.options import ConfigFile
from ringfence.cli.output import line


def serve(config: ConfigFile) -> None:
    """Run the daemon in the foreground until SIGTERM."""
    from ringfence.cli.progress import bar
    from ringfence.daemon import load
    from ringfence.daemon import serve as run

    with bar() as progress:
        reloader = load(Path(config), progress)
    run(reloader)


def version(
    json: Annotated[bool, typer.Option("--json", help="As JSON, with Python and platform.")] = False,
) -> None:
    """Print the version."""
    if not json:
        line(f"ringfence {__version__}")
        return
    import platform

    from ringfence.cli.output import as_json

    as_json({"ringfence": __version__, "python": platform.python_version(), "platform": platform.platform()})
