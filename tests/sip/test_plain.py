"""Numbers out of plain URIs: what is plain, and that the URI parser says the same."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ringfence.sip.plain import number_of_address, number_of_address_pure, number_of_uri, number_of_uri_pure
from ringfence.sip.uri import name_addr, parse_uri

Read = Callable[[bytes], "str | None"]
PLAIN = [
    (b"sip:+8613800001000@192.0.2.1", "+8613800001000"),
    (b"SIPS:110@a-b.example_:1;user=phone", "110"),
    (b"sip:1@h:64999", "1"),
    (b"sip:" + b"9" * 24 + b"@h", "9" * 24),
]
ODD = [
    b"", b"s", b"sip", b"sip:", b"sip:+", b"sip:+@h", b"sip:1", b"sip:1@", b"sip:1@h:", b"sip:1@h:0", b"sip:1@h:65000",
    b"sip:1@h:100000", b"sip:1@[::1]", b"sip:1@h;lr", b"sip:1@h;user=phone;lr", b"sip:1@h;User=phone", b"sip:a@h", b"tel:+1",
    b"sip:" + b"9" * 25 + b"@h", b"sip:1@h ", b"siq:1@h", b"sip:1;x=y@h", b"\x13ip:1@h", b"sip\x1a1@h",
]  # fmt: skip


@pytest.mark.parametrize("read", [number_of_uri, number_of_uri_pure])
def test_uris(read: Read) -> None:
    for uri, number in PLAIN:
        assert read(uri) == number == parse_uri(uri).user
    assert [uri for uri in ODD if read(uri) is not None] == []


@pytest.mark.parametrize("read", [number_of_address, number_of_address_pure])
def test_addresses(read: Read) -> None:
    for uri, number in PLAIN:
        for name in (b"", b'""', b'"A" ', b'"\xe7\x8e\x8b"'):
            value = b"%b<%b>" % (name, uri)
            assert read(value) == number
            assert name_addr(value)[1] == uri
    odd = [b"<%b>" % uri for uri in ODD]
    odd += [
        b"sip:1@h",
        b"<sip:1@h",
        b'"<sip:1@h>',
        b'"a',
        b'"',
        b'"a,b" <sip:1@h>',
        b'"\\"" <sip:1@h>',
        b'"a"  <sip:1@h>',
    ]
    odd += [b"a <sip:1@h>", b"<sip:1@h>;x=1", b"<sip:1@h>, <sip:2@h>", b'"a"', b"<", b">", b"<>"]
    assert [value for value in odd if read(value) is not None] == []


@pytest.mark.parametrize("read", [number_of_uri, number_of_address])
def test_text_is_refused(read: Read) -> None:
    with pytest.raises(TypeError):
        read("sip:1@h")  # type: ignore[arg-type]
