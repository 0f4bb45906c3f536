"""The index from the command line: built, compared, shown, and what makes it dear."""

from __future__ import annotations

import json

import pytest
from redis import Redis
from tests.cli.command import Ringfence

from ringfence.lookups.embedded import EmbeddedStore

HOLDER = ("--holder", "Example Marketing")


def test_built_compared_and_shown(ringfence: Ringfence, store: EmbeddedStore) -> None:
    shown = ringfence("index", "status", "--json")
    assert (shown.code, json.loads(shown.out)["complete"]) == (1, False)
    missing = ringfence("index", "verify")
    assert missing.code == 1
    assert "there is no index" in missing.err
    for number in range(3):
        assert ringfence("consent", "add", f"1300000500{number}", *HOLDER).code == 0
    done = ringfence("index", "rebuild", "--json")
    built = json.loads(done.out)
    assert (done.code, built["rows"]) == (0, 3)
    status = json.loads(ringfence("index", "status", "--json").out)
    assert (status["current"], status["complete"], status["fields"], status["position"]) == (
        built["generation"], True, 3, 3,
    )  # fmt: skip
    assert status["previous"] and not status["building"]
    assert status["bytes"] > 0
    assert ringfence("index", "verify").code == 0
    with Redis(unix_socket_path=str(store.socket)) as client:
        assert ringfence("index", "status").err == ""
        client.config_set("hash-max-listpack-entries", 64)
        assert "hash-max-listpack-entries 128" in ringfence("index", "status").err
        client.flushall()
    assert ringfence("index", "verify").code == 1


@pytest.mark.usefixtures("store")
def test_rebuilt_for_people(ringfence: Ringfence) -> None:
    done = ringfence("index", "rebuild")
    assert done.code == 0
    assert done.out.startswith("0 consents, refusals and wishes in ")


@pytest.mark.usefixtures("store")
def test_differences_are_an_exit_code(ringfence: Ringfence, store: EmbeddedStore) -> None:
    ringfence("consent", "add", "13000005001", *HOLDER)
    with Redis(unix_socket_path=str(store.socket)) as client:
        for key in client.scan_iter("rf:x{*}:*:*"):
            client.hdel(key, "m")
    done = ringfence("index", "verify", "--json")
    assert (done.code, json.loads(done.out)["unmarked"]) == (1, 1)
