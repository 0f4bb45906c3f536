"""What is compiled at installation, all of it optional; everything else about the package stands in pyproject.toml.

Without a C compiler the same files run as Python: slower, no different. `ringfence version` says which it is.
"""

from __future__ import annotations

import os

from setuptools import Extension, setup

# The rooms that every message walks through, compiled from their own Python source by mypyc. What is left out of
# them: exceptions (sip/errors.py: mypyc has no overridden class attributes), classes that interpreted ones derive from
# (sip/address.py), those whose slots _native fills (sip/message.py, sip/via.py), pydantic models, and whatever waits for
# I/O.
COMPILED = """
    sip/grammar sip/headers sip/params sip/party sip/uri sip/writer
    transaction/client transaction/effects transaction/hop transaction/server transaction/table transaction/timers
    forwarding/best forwarding/context forwarding/copy forwarding/marks forwarding/route forwarding/token
    forwarding/validate
    screening/call screening/facts screening/intake screening/pipeline screening/verdict
    engine/counters engine/dialogs engine/effects engine/engine engine/forwarder engine/inside engine/policy
    engine/probes engine/screen engine/state engine/trail
""".split()


def compiled_rooms() -> list[Extension]:
    """One extension a module, sharing one library; none where mypyc is missing or RINGFENCE_COMPILE=0 says so."""
    if os.environ.get("RINGFENCE_COMPILE", "1") == "0":
        return []
    try:
        from mypyc.build import mypycify
    except ImportError:
        return []
    options = ["--config-file", "tools/mypyc.ini", "--no-error-summary"]
    modules: list[Extension] = mypycify(
        [*options, *(f"src/ringfence/{name}.py" for name in COMPILED)], opt_level="3", debug_level="0"
    )
    for module in modules:
        module.optional = True
    return modules


NATIVE = Extension(
    "ringfence._native",
    sources=[f"src/native/{part}.c" for part in ("datagrams", "grammar", "index", "message", "module", "names", "writer")],
    depends=["src/native/grammar.h", "src/native/message.h", "src/native/native.h"],
    extra_compile_args=["-std=c11", "-fvisibility=hidden", "-Wall", "-Wextra"],
    # Without a compiler, or without recvmmsg, the installation succeeds and works on the pure-Python twins.
    optional=True,
)

setup(ext_modules=[NATIVE, *compiled_rooms()])
