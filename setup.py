"""The compiled twins; all else about the package stands in pyproject.toml."""

from pathlib import Path

from setuptools import Extension, setup

setup(
    ext_modules=[
        Extension(
            "ringfence._native",
            sources=sorted(map(str, Path("src/native").glob("*.c"))),
            depends=sorted(map(str, Path("src/native").glob("*.h"))),
            extra_compile_args=["-std=c11", "-fvisibility=hidden", "-Wall", "-Wextra"],
            # Without a compiler, or without recvmmsg, the installation succeeds and works on the pure-Python twins.
            optional=True,
        )
    ]
)
