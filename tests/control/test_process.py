import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.control.support import Answer, request

from ringfence.control.channel import ChannelServer
from ringfence.control.errors import ControlError
from ringfence.control.process import arguments, main, read_token
from ringfence.control.settings import ControlSettings, RegistryPlace, TracePlace
from ringfence.control.supervised import Supervised
from ringfence.numbering.settings import NumberingSettings
from ringfence.records.settings import RecordsSettings
from ringfence.registry.settings import RegistrySettings
from ringfence.telemetry.settings import LoggingSettings
from ringfence.tracing.settings import TraceSettings

TOKEN = "0123456789abcdef"


def bind_of(address: tuple[str, int]) -> str:
    return f"{address[0]}:{address[1]}"


def test_the_token_from_a_file_or_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "token"
    file.write_text(TOKEN + "\n")
    monkeypatch.setenv("RF_TOKEN", TOKEN)
    assert read_token(file, None) == read_token(None, "RF_TOKEN") == TOKEN
    assert read_token(None, None) is None


def test_tokens_that_cannot_be_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RF_TOKEN", raising=False)
    short, binary = tmp_path / "short", tmp_path / "binary"
    short.write_text("0123456789abcde\n")
    binary.write_bytes(b"\xff\xfe")
    for file, variable in ((short, None), (None, "RF_TOKEN"), (binary, None), (tmp_path / "none", None)):
        with pytest.raises(ControlError):
            read_token(file, variable)


def test_the_command_line_never_shows_the_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RF_TOKEN", TOKEN)
    logging = LoggingSettings(level="warning", format="json")
    by_env = arguments(ControlSettings(token_env="RF_TOKEN"), logging, Path("/run/c.sock"))
    assert by_env[:3] == [sys.executable, "-m", "ringfence.control"]
    assert TOKEN not in " ".join(by_env)
    by_file = arguments(ControlSettings(token_file=Path("/etc/token")), logging, Path("/run/c.sock"))
    assert by_file[-2:] == ["--token-file", "/etc/token"]


def test_the_daemon_starts_it_without_importing_what_it_serves_with() -> None:
    code = (
        "import sys; import ringfence.control.process, ringfence.control.channel, ringfence.control.supervised, "
        "ringfence.telemetry.log, ringfence.telemetry.snapshot, ringfence.transport; "
        "print([name for name in ('fastapi', 'uvicorn', 'starlette', 'prometheus_client') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_faults_of_the_operator_end_it_with_a_line_in_the_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    channel = ["--channel", str(tmp_path / "c"), "--bind"]
    with socket.create_server(("127.0.0.1", 0)) as taken:
        bind = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(SystemExit, match="1"):
            main([*channel, bind])
    with pytest.raises(SystemExit, match="1"):
        main([*channel, "127.0.0.1:0", "--token-file", str(tmp_path / "none")])
    port, token = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert (port["event"], port["level"]) == ("control cannot serve", "error")
    assert port["why"].startswith("cannot listen on") and token["why"] == "control.token_file cannot be read"


def test_it_does_not_start_without_its_parent(tmp_path: Path) -> None:
    line = arguments(ControlSettings(), LoggingSettings(), tmp_path / "c")
    line[line.index("--parent") + 1] = str(os.getpid() + 1)
    ended = subprocess.run(line, capture_output=True, text=True, timeout=30)
    assert ended.returncode == 1 and "the SIP process is gone" in ended.stderr


async def answers(address: tuple[str, int], method: str, path: str, headers: dict[str, str] | None = None) -> Answer:
    """As soon as it is served."""
    async with asyncio.timeout(30):
        while True:
            try:
                return await asyncio.to_thread(request, address, method, path, None, headers)
            except OSError:
                await asyncio.sleep(0.05)


async def test_the_whole_way(tmp_path: Path) -> None:
    """Supervised child, HTTP, Unix socket, command, and back; then the SIP side hangs and must not hold HTTP up."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = free.getsockname()
    drained = asyncio.Event()
    hang = asyncio.Event()

    async def answer(_: dict[str, object]) -> dict[str, object]:
        if hang.is_set():
            await asyncio.sleep(30)
        return {"ready": True, "generation": 3, "reasons": []}

    (tmp_path / "token").write_text(TOKEN)
    settings = ControlSettings(bind=bind_of(address), token_file=tmp_path / "token")
    channel = ChannelServer(
        tmp_path / "c.sock", {"ready": answer, "snapshot": answer, "drain": lambda _: drained.set()}
    )
    child = Supervised("control", arguments(settings, LoggingSettings(), tmp_path / "c.sock"))
    await channel.open()
    await child.start()
    try:
        assert (await answers(address, "GET", "/ready")).json["generation"] == 3
        assert (await answers(address, "POST", "/drain")).status == 401 and not drained.is_set()
        accepted = await answers(address, "POST", "/drain", {"Authorization": f"Bearer {TOKEN}"})
        assert accepted.status == 202 and drained.is_set()
        hang.set()
        began = time.monotonic()
        assert (await answers(address, "GET", "/metrics")).status == 503
        assert (await answers(address, "GET", "/live")).status == 503
        assert time.monotonic() - began < 10
        assert child.restarts == 0
    finally:
        await child.stop()
        await channel.close()


def until(met: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not met():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_it_never_outlives_a_killed_parent(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = free.getsockname()
    code = (
        "import subprocess, sys; from pathlib import Path; from ringfence.control.process import arguments\n"
        "from ringfence.control.settings import ControlSettings\n"
        "from ringfence.telemetry.settings import LoggingSettings\n"
        "line = arguments(ControlSettings(bind=sys.argv[1]), LoggingSettings(), Path(sys.argv[2]))\n"
        "child = subprocess.Popen(line); print(child.pid, flush=True); child.wait()"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code, bind_of(address), str(tmp_path / "c")], stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    until(lambda: _serves(address))
    parent.kill()
    parent.wait()
    parent.stdout.close()
    until(lambda: not _runs(child))
    assert not _serves(address)


def _serves(address: tuple[str, int]) -> bool:
    try:
        request(address, "GET", "/live")
    except OSError:
        return False
    return True


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        # An orphan that ended may wait, as a zombie, for an init process that collects no children.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


def test_sigterm_ends_it_quietly(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = free.getsockname()
    child = subprocess.Popen(
        arguments(ControlSettings(bind=bind_of(address)), LoggingSettings(), tmp_path / "c"),
        stderr=subprocess.PIPE,
        text=True,
    )
    until(lambda: _serves(address))
    child.send_signal(signal.SIGTERM)
    _, said = child.communicate(timeout=20)
    assert "Traceback" not in said


def test_where_the_registry_is_goes_along_without_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RF_DATABASE", "a secret password")
    kept = RegistrySettings(url="postgresql://ringfence@db/ringfence", password_env="RF_DATABASE")
    place = RegistryPlace(settings=kept, data_directory=tmp_path, numbering=NumberingSettings())
    line = arguments(ControlSettings(), LoggingSettings(level="warning", format="json"), Path("/run/c.sock"), place)
    assert "a secret password" not in " ".join(line)
    assert RegistryPlace.model_validate_json(line[line.index("--registry") + 1]) == place


def test_how_calls_are_traced_goes_along(tmp_path: Path) -> None:
    trace = TraceSettings.model_validate(
        {
            "peers": [{"name": "b", "key_file": tmp_path / "b.pem", "url": "https://b.example.net/trace/inbox"}],
            "inbox": {"bind": "127.0.0.1:9461"},
            "kept": "30d",
        }
    )
    place = TracePlace(node="node-1", data_directory=tmp_path, records=RecordsSettings(fsync=0.05), trace=trace)
    line = arguments(ControlSettings(), LoggingSettings(), Path("/run/c.sock"), None, place)
    assert TracePlace.model_validate_json(line[line.index("--trace") + 1]) == place
