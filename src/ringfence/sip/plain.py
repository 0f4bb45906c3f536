"""Numbers out of URIs as nearly everybody writes them; of these the URI parser says the same, of others more."""

from __future__ import annotations

import re

from ringfence.sip.chosen import chosen

_PORT = rb"(?:[1-5][0-9]{4}|6[0-4][0-9]{3}|[1-9][0-9]{0,3}+)"
_PLAIN = rb"(?i:sips?):(\+?[0-9]{1,24}+)@[A-Za-z0-9._\-]++(?::" + _PORT + rb")?(?:;user=phone)?"
_plain_uri = re.compile(_PLAIN).fullmatch
_plain_address = re.compile(rb'(?:"[^"\\,<>]*+" ?)?<' + _PLAIN + rb">").fullmatch


def number_of_uri_pure(uri: bytes) -> str | None:
    """The number in `sip:+8613800001000@192.0.2.1:5060`; None for whatever is not as plain as that."""
    match = _plain_uri(uri)
    return None if match is None else match[1].decode("ascii")


def number_of_address_pure(value: bytes) -> str | None:
    """The number in `"A" <sip:+8613800001000@192.0.2.1>`, the only value of its field; None as above."""
    match = _plain_address(value)
    return None if match is None else match[1].decode("ascii")


number_of_uri = chosen("number_of_uri", number_of_uri_pure)
number_of_address = chosen("number_of_address", number_of_address_pure)
