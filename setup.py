"""What is compiled at installation, all of it optional; everything else about the package stands in pyproject.toml.

Without a C compiler the same files run as Python: slower, no different. `ringfence version` says which it is.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from setuptools import Extension, setup

# The rooms that every message walks through, compiled from their own Python source by mypyc. What is left out of
# them: exceptions with class attributes (sip/errors.py), classes whose slots _native fills (sip/message.py, via.py),
# pure twins (a compiled caller would bind them instead of _native's), asyncio's protocols, and pydantic models, with
# them the rules, as mypyc loses their fields' annotations.
COMPILED = {
    ".": ("runner",),
    "sip": ("address", "grammar", "headers", "params", "party", "plain", "uri", "writer"),
    "numbering": ("number", "plan", "tables"),
    "transaction": ("client", "effects", "hop", "server", "table", "timers"),
    "forwarding": ("best", "context", "copy", "gateways", "marks", "route", "token", "validate"),
    "screening": ("call", "diversion", "facts", "intake", "pipeline", "policy", "verdict"),
    "engine": (
        "counters", "dialling", "dialogs", "effects", "engine", "forwarder", "inside", "policy", "probes", "screen",
        "state", "trail",
    ),
    "transport": ("far_ends", "interning", "transports", "udp"),
    "records": ("encode", "framing", "recorder", "spool"),
    "lookups": (
        "breaker", "callee_calls", "caller_rate", "consent", "figures", "keys", "last_caller", "layout", "lookups",
        "node", "questions", "redirect", "roaming", "score", "share", "slots", "view",
    ),
    "ledger": ("ledger", "standing", "terms"),
    "telemetry": ("looplag",),
}  # fmt: skip
# The C twins, by module: tests/native builds them again under the sanitizers.
C_SOURCES = {
    "_native": (
        "copy", "datagrams", "edits", "grammar", "index", "loop_mark", "machines", "message", "module", "names",
        "plain", "relay", "top_via", "writer",
    ),
    "_ledger": ("arrays", "flatten", "interned", "intervals", "ledger", "scan"),
}  # fmt: skip
C_HEADERS = {
    "_native": ("datagrams", "edits", "grammar", "message", "native", "pieces"),
    "_ledger": ("ledger",),
}


_METADATA = frozenset(("egg_info", "dist_info"))


def twin(name: str) -> Extension:
    """One of C_SOURCES. Each function of it has a pure-Python twin."""
    return Extension(
        f"ringfence.{name}",
        sources=[f"src/native/{part}.c" for part in C_SOURCES[name]],
        depends=[f"src/native/{part}.h" for part in C_HEADERS[name]],
        extra_compile_args=["-std=c11", "-fvisibility=hidden", "-Wall", "-Wextra"],
        # Without a compiler, or without recvmmsg, the installation succeeds and works on the twins.
        optional=True,
    )


def compiled_rooms() -> list[Extension]:
    """One extension a module, sharing one library; none where mypyc is missing or RINGFENCE_COMPILE=0 says so.

    None either for the commands by which pip asks for metadata first: mypyc would read all rooms for each of them.
    """
    if os.environ.get("RINGFENCE_COMPILE", "1") == "0" or _METADATA.intersection(sys.argv):
        return []
    try:
        from mypyc.build import mypycify
    except ImportError:
        return []
    rooms = Path("src/ringfence")
    files = [str(rooms / room / f"{name}.py") for room, names in COMPILED.items() for name in names]
    modules: list[Extension] = mypycify(["--config-file", "tools/mypyc.ini", *files], opt_level="3", debug_level="0")
    for module in modules:
        module.optional = True
    return modules


if __name__ == "__main__":
    setup(ext_modules=[*map(twin, C_SOURCES), *compiled_rooms()])
