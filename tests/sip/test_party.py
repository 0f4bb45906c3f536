from __future__ import annotations

import pytest

from ringfence.sip.errors import BadSyntax
from ringfence.sip.party import party


@pytest.mark.parametrize(
    ("value", "display", "uri", "tag"),
    [
        (b"<sip:a@b>", b"", b"sip:a@b", b""),
        (b"<sip:a@b>;tag=t1", b"", b"sip:a@b", b"t1"),
        (b'"A \\" <x>" <sip:a@b;p=1>;tag=t1', b'"A \\" <x>"', b"sip:a@b;p=1", b"t1"),
        (b"A. G. Bell <sip:a@b> ; x=y ; tag = t1", b"A. G. Bell ", b"sip:a@b", b"t1"),
        (b'caller<sip:a@b>;tag=t1;x="q"', b"caller", b"sip:a@b", b"t1"),
        (b"sip:a@b", None, b"sip:a@b", b""),
        (b"sip:a@b;tag=t1", None, b"sip:a@b", b"t1"),
        (b"sip:a@b;user=phone;tag=t1", None, b"sip:a@b", b"t1"),  # §20.10: all parameters are the header's
        (b"sip:a@[2001:db8::1]:5060;tag=t1", None, b"sip:a@[2001:db8::1]:5060", b"t1"),
        (b"tel:+861012345678;tag=t1", None, b"tel:+861012345678", b"t1"),
        (b"<isbn:2983792873>;TAG=t1", b"", b"isbn:2983792873", b"t1"),
        ("王 <sip:a@b>;tag=t".encode(), "王 ".encode(), b"sip:a@b", b"t"),
        (b"<sip:a@b?Subject=x>;tag=t", b"", b"sip:a@b?Subject=x", b"t"),
    ],
)
def test_values(value: bytes, display: bytes | None, uri: bytes, tag: bytes) -> None:
    assert party(value) == (display, uri, tag)


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"a@b",
        b"<a@b>",
        b"<sip:a@b",
        b"sip:a@b>",
        b"< sip:a@b >",
        b"<sip:a@b>;tag=1;tag=2",
        b"<sip:a@b>;tag=1;tag=1",
        b"<sip:a@b>;tag",
        b"<sip:a@b>;tag=",
        b'<sip:a@b>;tag="q"',
        b"<sip:a@b>;tag=a b",
        b"<sip:a@b> x",
        b"<sip:a@b>, <sip:c@d>",
        b"sip:a@b, sip:c@d",
        b"sip:a@b?Subject=x",
        b'"unterminated <sip:a@b>',
        b'"x" "y" <sip:a@b>',
        b"Bell, A. <sip:a@b>",
        b"<sip:a@\xc3\xa9>",
        b"<sip:a\0b@c>",
        b"<<sip:a@b>>",
    ],
)
def test_malformed(value: bytes | None) -> None:
    with pytest.raises(BadSyntax):
        party(value)
