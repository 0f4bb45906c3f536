from pathlib import Path

import pytest
from pydantic import ValidationError

from ringfence.control.settings import ControlSettings
from ringfence.settings_types import read_bind


@pytest.mark.parametrize(
    ("text", "address"),
    [("127.0.0.1:9060", ("127.0.0.1", 9060)), ("[::1]:0", ("::1", 0)), ("0.0.0.0:65535", ("0.0.0.0", 65535))],
)
def test_bind(text: str, address: tuple[str, int]) -> None:
    assert read_bind(text) == address
    assert ControlSettings(bind=text).bind == text


@pytest.mark.parametrize(
    "text", ["localhost:9060", "::1:9060", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:65536", "[127.0.0.1]:1", ""]
)
def test_bind_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        ControlSettings(bind=text)


def test_loopback_is_the_default() -> None:
    assert read_bind(ControlSettings().bind)[0] == "127.0.0.1"


def test_the_token_has_one_place() -> None:
    with pytest.raises(ValidationError, match="keep one"):
        ControlSettings(token_file=Path("t"), token_env="TOKEN")
    with pytest.raises(ValidationError):
        ControlSettings(token_env="not a name")
