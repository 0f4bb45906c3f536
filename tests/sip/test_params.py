from __future__ import annotations

import pytest

from ringfence.sip.errors import BadSyntax
from ringfence.sip.params import parameters, scan, skip_blanks


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (b"", {}),
        (b"  ", {}),
        (b";a", {b"a": None}),
        (b' ; A = b ;c="x;y=\\"z" ', {b"a": b"b", b"c": b'"x;y=\\"z"'}),
        (b";host=[2001:db8::1]:5060", {b"host": b"[2001:db8::1]:5060"}),
        (b";a=b=c", {b"a": b"b=c"}),
    ],
)
def test_parameters(text: bytes, found: dict[bytes, bytes | None]) -> None:
    assert parameters(text) == found


@pytest.mark.parametrize(
    "text",
    [
        b"a",
        b";",
        b";;a",
        b";a;",
        b";a=",
        b";=b",
        b";a;A",
        b";a=1;a=1",
        b';a="x',
        b";a b",
        b";a,b",
        b";\xc3\xa9=1",
        b";a=<x>",
    ],
)
def test_malformed(text: bytes) -> None:
    with pytest.raises(BadSyntax):
        parameters(text)


def test_scan_stops_where_parameters_end() -> None:
    text = b"x ;a=b ; c , more"
    found, at = scan(text, 1)
    assert {name: value for name, (value, _) in found.items()} == {b"a": b"b", b"c": None}
    assert text[slice(*found[b"a"][1])] == b"=b"
    assert text[at:] == b" , more"
    assert skip_blanks(text, at) == at + 1
    assert skip_blanks(b"x", 1) == 1
