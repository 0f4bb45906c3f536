"""`python -m tests.bench`: what a call costs, in ringfence and in other open proxies, in one run."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from tests.bench import callpath, figures, index, ledger, numbers, parse, recording, store, warehouse
from tests.bench.configs import Screening
from tests.bench.figures import Figure
from tests.bench.load import Generator, LoadFailed, compile_generator
from tests.bench.machine import cores
from tests.bench.measure import QUICK, Bench, Plan
from tests.bench.proxies import Kamailio, NetSip, Place, Ringfence, Subject
from tests.support.net import free_port
from tests.support.peers import find
from tests.support.process import Died

CALLER_HOST, PROXY_HOST, CALLEE_HOST = "127.0.0.1", "127.0.0.2", "127.0.0.3"
IN_QUICK = ("ringfence_memory", "ringfence_store", "kamailio_htable", "kamailio_redis")


def main() -> int:
    """0 when every subject was measured, 1 when one failed (the others are still reported)."""
    arguments = _arguments()
    compiler = find("cc")
    if compiler is None:
        print("bench: no C compiler (Debian: gcc)", file=sys.stderr)
        return 1
    subjects = [each for each in _subjects() if _wanted(each.name, arguments)]
    found: list[Figure] = []
    failed = False
    with tempfile.TemporaryDirectory(prefix="ringfence-bench-") as name:
        folder = Path(name)
        plan = replace(QUICK if arguments.quick else Plan(), rate=arguments.rate)
        bench = _bench(compile_generator(compiler, folder), folder, plan)
        with store.running(folder, bench.place.store_port, bench.generator.core):
            for subject in subjects:
                try:
                    found += bench.measure(subject)
                except (Died, LoadFailed) as error:
                    failed = True
                    print(f"bench: {subject.name}: {error}", file=sys.stderr)
                print(f"bench: {subject.name} done", file=sys.stderr)
        if _wanted("index", arguments):
            found += index.measure(folder / "index", bench.generator.core, arguments.quick)
            print("bench: index done", file=sys.stderr)
        if _wanted("parse", arguments):
            found += parse.measure(bench.generator.invite())
        if _wanted("ledger", arguments):
            found += ledger.measure(bench.generator, folder / "ledger", arguments.ranges)
        if _wanted("engine", arguments):
            found += callpath.measure()
        if _wanted("records", arguments):
            found += recording.measure(folder)
        if _wanted("warehouse", arguments):
            found += warehouse.measure(folder / "warehouse", arguments.calls)
        if _wanted("numbers", arguments):
            found += numbers.measure()
    figures.write(found, arguments.output)
    print(figures.table(found))
    return int(failed)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="under a minute: fewer subjects, short runs, no warm-up, a small index"
    )
    parser.add_argument("--only", action="append", metavar="NAME", help="only this subject; may be repeated")
    parser.add_argument("--rate", type=float, default=0, help="latency at so many calls/s (default: at half load)")
    parser.add_argument("--ranges", type=int, default=ledger.RANGES, help="ranges of the ledger (default 5 million)")
    parser.add_argument("--calls", type=int, default=warehouse.CALLS, help="calls in the warehouse (default 1 million)")
    parser.add_argument("--output", type=Path, default=Path("build/bench.json"))
    return parser.parse_args()


def _wanted(name: str, arguments: argparse.Namespace) -> bool:
    if arguments.only:
        return name in arguments.only
    return not arguments.quick or name in (*IN_QUICK, "parse", "engine", "index", "records", "numbers")


def _subjects() -> list[Subject]:
    subjects: list[Subject] = [
        Ringfence("ringfence_bare", Screening.OFF, records=False),
        Ringfence("ringfence_relay", Screening.OFF),
        Ringfence("ringfence_memory", Screening.MEMORY, holds_calls=True),
        Ringfence("ringfence_workers", Screening.MEMORY, workers=2),
        Ringfence("ringfence_unrecorded", Screening.MEMORY, holds_calls=True, records=False),
        Ringfence("ringfence_store", Screening.STORE),
        Ringfence("ringfence_store_tcp", Screening.STORE_TCP),
        Ringfence("ringfence_refused", Screening.MEMORY, refuses=True),
    ]
    perl = find("perl")
    if perl is not None and _has_module(perl, "Net::SIP"):
        subjects.append(NetSip("net_sip_relay", perl))
    else:
        print("bench: no Net::SIP here (Debian: libnet-sip-perl)", file=sys.stderr)
    kamailio = find("kamailio")
    if kamailio is None:
        print("bench: no kamailio here: nothing to compare with", file=sys.stderr)
        return subjects
    return subjects + [
        Kamailio("kamailio_relay", kamailio),
        Kamailio("kamailio_relay_fm", kamailio, allocator="fm"),
        Kamailio("kamailio_htable", kamailio, ("WITH_HTABLE",), holds_calls=True),
        Kamailio("kamailio_redis", kamailio, ("WITH_REDIS",), uses_store=True),
        Kamailio("kamailio_refused", kamailio, ("WITH_HTABLE",), refuses=True),
    ]


def _has_module(perl: Path, name: str) -> bool:
    return subprocess.run([perl, f"-M{name}", "-e1"], capture_output=True, check=False).returncode == 0


def _bench(binary: Path, folder: Path, plan: Plan) -> Bench:
    under_test, rest = cores()
    if under_test == rest:
        print("bench: one core for proxy and generator: rates mean little, CPU a call still holds", file=sys.stderr)
    place = Place(
        listen=f"{PROXY_HOST}:{free_port(PROXY_HOST)}",
        caller=f"{CALLER_HOST}:{free_port(CALLER_HOST)}",
        callee=f"{CALLEE_HOST}:{free_port(CALLEE_HOST)}",
        core=under_test,
        folder=folder,
        store=folder / "store.sock",
        store_port=free_port(),
    )
    return Bench(Generator(binary, place.caller, place.listen, place.callee, rest, folder), place, plan)


if __name__ == "__main__":
    sys.exit(main())
