"""Values of options."""

from __future__ import annotations

import pytest
import typer

from ringfence.cli.options import address, duration


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("127.0.0.1", ("127.0.0.1", 5060)),
        ("127.0.0.1:5070", ("127.0.0.1", 5070)),
        ("sip.example:65535", ("sip.example", 65_535)),
        ("[::1]:5070", ("::1", 5070)),
        ("[::1]", ("::1", 5060)),
        ("2001:db8::1", ("2001:db8::1", 5060)),
    ],
)
def test_addresses(text: str, meant: tuple[str, int]) -> None:
    assert address(text) == meant


WRONG = ["", ":5060", "host:", "host:port", "host:65536", "host:0", "[::1", "[::1]5060", "[]:1", "a b"]


@pytest.mark.parametrize("text", WRONG)
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        address(text)


def test_durations() -> None:
    assert duration("500ms") == 0.5
    with pytest.raises(typer.BadParameter, match="unit"):
        duration("5")
