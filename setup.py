"""The compiled twins; all else about the package stands in pyproject.toml."""

from setuptools import Extension, setup

setup(
    ext_modules=[
        Extension(
            "ringfence._native",
            sources=[f"src/native/{part}.c" for part in ("datagrams", "grammar", "index", "message", "module", "names")],
            depends=["src/native/grammar.h", "src/native/native.h"],
            extra_compile_args=["-std=c11", "-fvisibility=hidden", "-Wall", "-Wextra"],
            # Without a compiler, or without recvmmsg, the installation succeeds and works on the pure-Python twins.
            optional=True,
        )
    ]
)
