"""Kamailio as a peer: an edge proxy, a softswitch, or the proxy that a benchmark compares with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.support.net import answers_options
from tests.support.process import Process


def start_kamailio(
    binary: Path,
    config: Path,
    folder: Path,
    values: Mapping[str, str],
    *,
    defines: Sequence[str] = (),
    core: int | None = None,
    shared_mb: int = 64,
    allocator: str = "fm",
) -> Process:
    """Start it in `folder` on `config` with each {{NAME}} filled in; returns when it answers OPTIONS.

    values: at least LISTEN, its own `host:port`. shared_mb: the pool for its transactions; touched only as used.
    allocator: fm or tlsf; its default one, qm, debugs, at four times the CPU.
    """
    text = config.read_text()
    for name, value in values.items():
        text = text.replace("{{" + name + "}}", value)
    written = folder / config.name
    written.write_text(text)
    command: list[str | Path] = [binary, "-f", written, "-DD", "-E", "-x", allocator, "-X", allocator]
    command += ["-m", str(shared_mb), "-M", "32", "-Y", folder, "-w", folder, "-P", folder / "kamailio.pid"]
    for define in defines:
        command += ["-A", define]
    kamailio = Process(command, folder / "kamailio.log", core=core)
    try:
        kamailio.wait_ready(lambda: answers_options(values["LISTEN"]), 60)
    except BaseException:
        kamailio.kill()
        raise
    return kamailio
