"""The daemon as a child: what is said when it does not come up."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.net import free_port

from ringfence.demo.errors import DemoError
from ringfence.demo.house import House


async def test_a_daemon_that_ends_at_its_start_is_told_with_its_last_words(tmp_path: Path) -> None:
    config = tmp_path / "bad.yaml"
    config.write_text("listeners: 5\n")
    house = House(config, tmp_path / "log", {})
    with pytest.raises(DemoError, match=r"(?s)ended with 78:\n.*bad\.yaml:1: listeners"):
        await house.start(f"http://127.0.0.1:{free_port()}/ready")
    assert house.ended
    await house.stop()


async def test_a_daemon_that_was_never_started_needs_no_stop(tmp_path: Path) -> None:
    house = House(tmp_path / "none.yaml", tmp_path / "log", {})
    await house.stop()
    assert not house.ended
