"""Builds the compiled twins apart from the installed ones, with the compiler's sanitizers."""

from __future__ import annotations

import runpy
import subprocess
import sysconfig
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "src/native"
C_SOURCES: dict[str, tuple[str, ...]] = runpy.run_path(str(ROOT / "setup.py"), run_name="setup")["C_SOURCES"]
WARNINGS = ["-std=c11", "-Wall", "-Wextra", "-Wshadow", "-Werror"]
SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer"]


def build(compiler: Path, folder: Path) -> list[Path]:
    """The modules of setup.py's C_SOURCES in `folder`. Raises CalledProcessError; the compiler's words are on stderr."""
    include = f"-I{sysconfig.get_paths()['include']}"
    built = []
    for name, parts in C_SOURCES.items():
        target = folder / f"{name}.so"
        sources = [SOURCES / f"{part}.c" for part in parts]
        command = [compiler, *WARNINGS, *SANITIZERS, "-g", "-O1", "-fPIC", "-shared", include, *sources, "-o", target]
        subprocess.run(command, check=True)
        built.append(target)
    return built


def runtime(compiler: Path) -> Path:
    """The AddressSanitizer library that must be loaded before anything else."""
    asked = subprocess.run([compiler, "-print-file-name=libasan.so"], check=True, capture_output=True, text=True)
    return Path(asked.stdout.strip()).resolve()
