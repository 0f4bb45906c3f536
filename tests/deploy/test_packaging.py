"""Packaging that cannot be run by a test is at least held together with what it packs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from ringfence.config.load import load

ROOT = Path(__file__).resolve().parents[2]
UNIT = (ROOT / "deploy/systemd/ringfence.service").read_text()
DOCKERFILE = (ROOT / "Dockerfile").read_text()
SCRIPTS = (".ci/run", "tools/venv.sh", "tests/system-packages.sh")


@pytest.mark.parametrize("script", SCRIPTS)
def test_scripts_are_executable_bash(script: str) -> None:
    path = ROOT / script
    assert os.access(path, os.X_OK)
    subprocess.run(["bash", "-n", path], check=True)


def test_one_control_address_everywhere() -> None:
    control = load(ROOT / "config/ringfence.yaml", environ={}).control.bind
    scrape = yaml.safe_load((ROOT / "deploy/prometheus/scrape.yaml").read_text())
    assert scrape["scrape_configs"][0]["static_configs"][0]["targets"] == [control]
    assert f"http://{control}/live" in DOCKERFILE


def test_the_unit_drains_reloads_and_does_not_retry_bad_settings() -> None:
    assert "ExecReload=/bin/kill -HUP $MAINPID" in UNIT
    assert "KillMode=mixed" in UNIT
    assert "RestartPreventExitStatus=78" in UNIT


def test_the_unit_holds_no_capability() -> None:
    assert re.search(r"^CapabilityBoundingSet=$", UNIT, re.MULTILINE)
    assert re.search(r"^AmbientCapabilities=$", UNIT, re.MULTILINE)
    for line in ("DynamicUser=yes", "ProtectSystem=strict", "ProtectHome=yes", "NoNewPrivileges=yes"):
        assert line in UNIT
    low_ports = (ROOT / "deploy/systemd/low-ports.conf").read_text()
    assert re.findall(r"CAP_\w+", low_ports) == ["CAP_NET_BIND_SERVICE"] * 2


def test_the_image_runs_as_nobody_special() -> None:
    assert re.findall(r"^USER (\w+)$", DOCKERFILE, re.MULTILINE) == ["ringfence"]
    assert "HEALTHCHECK" in DOCKERFILE
    for copied in re.findall(r"^COPY (?!--from)(.*) \S+$", DOCKERFILE, re.MULTILINE):
        for name in copied.split():
            assert f"!{name}\n" in (ROOT / ".dockerignore").read_text(), name


def test_the_image_is_built_with_the_plans_that_the_package_links_to() -> None:
    links = list((ROOT / "src/ringfence/numbering/plans").glob("*.yaml"))
    assert links and all(link.resolve().parent == ROOT / "config/numbering" for link in links)
    build = DOCKERFILE.partition("AS build")[2].partition("FROM")[0]
    assert build.index("COPY config config") < build.index("pip install")


_SKIPS = {
    "test_call.py": "import pytest\ndef test_a(): pytest.skip('no peer')\n",
    "test_mark.py": "import pytest\n@pytest.mark.skip(reason='no peer')\ndef test_a(): pass\n",
    "test_import.py": "import pytest\npytest.importorskip('no_such_peer')\n",
    "test_xfail.py": "import pytest\n@pytest.mark.xfail(reason='known')\ndef test_a(): assert False\n",
}


@pytest.mark.parametrize(("file", "demanded"), [*zip(_SKIPS, (1, 1, 2, 0), strict=True)])
def test_demanded_peers_turn_skips_into_failures(tmp_path: Path, file: str, demanded: int) -> None:
    (tmp_path / "conftest.py").write_text((ROOT / "tests/conftest.py").read_text())
    (tmp_path / file).write_text(_SKIPS[file])

    def run(require: str) -> int:
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:asyncio", file]
        environ = {**os.environ, "RINGFENCE_REQUIRE_PEERS": require}
        return subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, check=False).returncode

    assert run("1") == demanded
    assert run("") == (5 if file == "test_import.py" else 0)  # 5: pytest found no test, none failed
