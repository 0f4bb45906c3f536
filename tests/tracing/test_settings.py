from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from tests.tracing.carriers import key_of

from ringfence.registry.errors import RegistryError
from ringfence.registry.settings import RegistrySettings
from ringfence.registry.signing import new_key
from ringfence.tracing.errors import TraceError
from ringfence.tracing.peers import open_peers
from ringfence.tracing.settings import TraceSettings

PEER = {"name": "b", "key_file": "b.pem"}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"peers": [PEER, PEER]}, "peers\\[1\\]: b stands among the peers already"),
        ({"name": "b", "peers": [PEER]}, "b is our own name"),
        ({"peers": [PEER | {"url": "http://b.example.net/x"}]}, "url begins with https://"),
        ({"peers": [PEER | {"url": "https://user:secret@b.example.net/x"}]}, "nothing secret"),
        ({"peers": [PEER | {"url": "ftp://b.example.net"}]}, "url begins with https://"),
        ({"inbox": {"bind": "localhost:1"}}, "does not appear to be an IPv4 or IPv6"),
        ({"inbox": {"bind": "127.0.0.1:1", "certificate": "c.pem"}}, "go together"),
    ],
)
def test_settings_that_are_not_sound(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        TraceSettings.model_validate(given)


@pytest.mark.parametrize(
    "url", ["https://b.example.net/x", "http://127.0.0.1:1/x", "http://[::1]/x", "http://localhost/x"]
)
def test_where_messages_may_go(url: str) -> None:
    assert TraceSettings.model_validate({"peers": [PEER | {"url": url}]}).peers[0].url == url


def peers(folder: Path, *files: Path, **more: Any) -> None:
    given = [{"name": f"p{place}", "key_file": file} for place, file in enumerate(files)]
    settings = TraceSettings.model_validate({"peers": given, **more})
    opened = open_peers(settings, RegistrySettings(), folder / "us", "node-1")
    assert opened.name == "node-1" and opened.named("p0").name == "p0"


def test_keys(tmp_path: Path) -> None:
    sound, twin, private, nonsense = key_of(tmp_path / "b"), tmp_path / "twin", tmp_path / "private", tmp_path / "x"
    twin.write_bytes(sound.read_bytes())
    private.write_text(new_key())
    nonsense.write_text("nothing")
    peers(tmp_path, sound)
    for files, message in (
        ((sound, twin), "peers\\[1\\].key_file: p0 has this key already"),
        ((sound, private), "peers\\[1\\].key_file holds no public key"),
        ((nonsense,), "peers\\[0\\].key_file holds no public key"),
        ((tmp_path / "none",), "No such file"),
    ):
        with pytest.raises(TraceError, match=message):
            peers(tmp_path, *files)
    peers(tmp_path, sound, signing_key_file=private)
    with pytest.raises(RegistryError, match=r"trace\.signing_key_file holds no key"):
        peers(tmp_path, sound, signing_key_file=nonsense)
