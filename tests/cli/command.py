"""`ringfence …` run in this process: exit code, standard output, standard error."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from ringfence.cli import main

SAMPLE = Path("config/ringfence.yaml")


class Done(NamedTuple):
    code: int
    out: str
    err: str


class Ringfence:
    """Calls the command line as the console script does."""

    def __init__(self, capture: pytest.CaptureFixture[str]) -> None:
        self._capture = capture

    def __call__(self, *arguments: object) -> Done:
        self._capture.readouterr()
        code = main([str(argument) for argument in arguments])
        said = self._capture.readouterr()
        return Done(code, said.out, said.err)
