"""`ringfence demo`."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from ringfence.cli.options import DEFAULT_CONFIG, ConfigFile


def demo(
    config: ConfigFile = DEFAULT_CONFIG,
    once: Annotated[bool, typer.Option("--once", help="End after the calls, also on a terminal.")] = False,
) -> None:
    """Start the daemon on the sample settings with a softswitch and callers, and show calls being screened."""
    from ringfence.cli.rehearsing import Rehearsal
    from ringfence.demo.show import show

    try:
        as_expected = asyncio.run(show(config, once, Rehearsal))
    except asyncio.CancelledError:
        raise typer.Exit(0) from None  # SIGTERM: the end of a demo is no failure
    if not as_expected:
        raise typer.Exit(1)
