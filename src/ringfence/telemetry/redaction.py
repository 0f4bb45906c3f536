"""What must not reach a log: phone numbers and secrets."""

from __future__ import annotations

import re
from collections.abc import MutableMapping
from typing import Any

_DIGITS = re.compile(r"\+?\d(?:[ -]?\d){6,}")  # 7 digits or more are somebody's number
_CREDENTIALS = re.compile(r"(?<=//)[^/@\s]+(?=@)|(?i:(?<=bearer )\S+)")
_SECRET_KEYS = frozenset({"authorization", "key", "password", "secret", "token"})

NUMBER, SECRET = "[number]", "[secret]"


def mask(text: str) -> str:
    """The text without phone numbers, URL credentials and bearer tokens."""
    return _DIGITS.sub(NUMBER, hide_credentials(text))


def hide_credentials(text: str) -> str:
    """The text without URL credentials and bearer tokens; numbers stay."""
    return _CREDENTIALS.sub(SECRET, text)


def redact(event: MutableMapping[str, Any], *, numbers: bool) -> None:
    """Clean a log event in place: secrets always, phone numbers where `numbers` says so.

    Looks at the top level and one list or dict deep, which is as deep as our events go; deeper values are
    written as cleaned text.
    """
    clean = mask if numbers else hide_credentials
    for key, value in event.items():
        if key in _SECRET_KEYS:
            event[key] = SECRET
        elif isinstance(value, str):
            event[key] = clean(value)
        elif not isinstance(value, (int, float, type(None))):
            event[key] = clean(value.decode("latin-1") if isinstance(value, bytes) else str(value))
