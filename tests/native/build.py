"""Builds the compiled twins apart from the installed ones, with the compiler's sanitizers."""

from __future__ import annotations

import subprocess
import sysconfig
from pathlib import Path

SOURCES = Path(__file__).resolve().parents[2] / "src/native"
WARNINGS = ["-std=c11", "-Wall", "-Wextra", "-Wshadow", "-Werror"]
SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer"]


def build(compiler: Path, folder: Path) -> Path:
    """`_native.so` in `folder`. Raises CalledProcessError; the compiler's words are on stderr."""
    target = folder / "_native.so"
    include = f"-I{sysconfig.get_paths()['include']}"
    sources = sorted(SOURCES.glob("*.c"))
    command = [compiler, *WARNINGS, *SANITIZERS, "-g", "-O1", "-fPIC", "-shared", include, *sources, "-o", target]
    subprocess.run(command, check=True)
    return target


def runtime(compiler: Path) -> Path:
    """The AddressSanitizer library that must be loaded before anything else."""
    asked = subprocess.run([compiler, "-print-file-name=libasan.so"], check=True, capture_output=True, text=True)
    return Path(asked.stdout.strip()).resolve()
