from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.sip.errors import BadSyntax, UnsupportedScheme
from ringfence.sip.uri import display_text, escape, name_addr, parse_uri, split_values, unescape


@pytest.mark.parametrize(
    ("text", "scheme", "user", "host", "port", "params"),
    [
        (b"sip:a@b", "sip", "a", "b", None, {}),
        (b"SIPS:+86-10@Host.Example:5061", "sips", "+86-10", "host.example", 5061, {}),
        (b"sip:b", "sip", None, "b", None, {}),
        (b"sip:192.0.2.1:5060;transport=TCP;lr", "sip", None, "192.0.2.1", 5060, {"transport": "TCP", "lr": ""}),
        (b"sip:a:secret@b", "sip", "a", "b", None, {}),
        (b"sip:a:@b", "sip", "a", "b", None, {}),
        (b"sip:a;p=1?q/r@b;USER=phone", "sip", "a;p=1?q/r", "b", None, {"user": "phone"}),
        (b"sip:%61%2B%40@b;x=%41", "sip", "a+@", "b", None, {"x": "A"}),
        (b"sip:%2561@b", "sip", "%61", "b", None, {}),  # decoded once
        (b"sip:a%00b@b", "sip", "a\0b", "b", None, {}),
        (b"sip:%ff%E7%8E%8B@b", "sip", "\\xff王", "b", None, {}),
        (b"sip:a@[2001:DB8::1]:5070;lr", "sip", "a", "2001:db8::1", 5070, {"lr": ""}),
        (b"sip:a@[2001:db8:::192.0.2.1]", "sip", "a", "2001:db8::192.0.2.1", None, {}),
        (b"tel:+86-10(1234)5678", "tel", "+86-10(1234)5678", "", None, {}),
        (b"TEL:12345;phone-context=+86-10;ext=7", "tel", "12345", "", None, {"phone-context": "+86-10", "ext": "7"}),
        (b"tel:*21#", "tel", "*21#", "", None, {}),
        (b"sip:a@b;x=", "sip", "a", "b", None, {"x": ""}),
    ],
)
def test_uris(text: bytes, scheme: str, user: str | None, host: str, port: int | None, params: dict[str, str]) -> None:
    uri = parse_uri(text)
    assert (uri.scheme, uri.user, uri.host, uri.port, uri.params) == (scheme, user, host, port, params)
    assert not uri.has_headers


def test_header_fields_are_told() -> None:
    uri = parse_uri(b"sip:a@b;lr?Route=%3Csip:x%3E")
    assert uri.has_headers
    assert uri.params == {"lr": ""}


def test_a_printed_uri_shows_nobody() -> None:
    assert "13800138000" not in repr(parse_uri(b"sip:13800138000@b"))


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"a@b",
        b":a",
        b"1sip:a",
        b"sip:",
        b"sip:@b",
        b"sip::secret@b",
        b"sip:a@",
        b"sip:a@@b",
        b"sip:a@b@c",
        b"sip:a b@c",
        b"sip:a@b:0",
        b"sip:a@b:65536",
        b"sip:a@b:",
        b"sip:a@b:5x",
        b"sip:a@b;",
        b"sip:a@b;;lr",
        b"sip:a@b;=1",
        b"sip:a@b;lr;LR",
        b"sip:a@b;x=1;%78=2",
        b"sip:%4@b",
        b"sip:%zz@b",
        b"sip:a@b;x=%",
        b"sip:a@2001:db8::1",
        b"sip:a@[::1",
        b"sip:a@[1]",
        b"<sip:a@b>",
        b"sip:a@b>",
        b'sip:"a"@b',
        b"sip:a\0@b",
        b"sip:\xff@b",
        b"sip:a@b\r\n",
        b"sip:a@b ",
        b"tel:",
        b"tel:+",
        b"tel:-()",
        b"tel:abc",
        b"tel:1;;",
        b"tel:1 2",
        b"tel:1;ext=%",
        b"tel:+86x",
        b"tel:1;a;a",
    ],
)
def test_malformed(text: bytes) -> None:
    with pytest.raises(BadSyntax) as caught:
        parse_uri(text)
    assert caught.value.status == 400


@pytest.mark.parametrize(
    "text", [b"soap.beep://192.0.2.103:3002", b"urn:service:sos", b"http://a/", b"xsip:a@b", b"mailto:a@b"]
)
def test_foreign_schemes(text: bytes) -> None:
    with pytest.raises(UnsupportedScheme) as caught:
        parse_uri(text)
    assert caught.value.status == 416


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30))
@settings(max_examples=200)
def test_escaping_and_reading_give_the_user_back(user: str) -> None:
    assert parse_uri(f"sip:{quote(user, safe='')}@b".encode()).user == user
    assert unescape(escape(user)) == parse_uri(b"sip:" + escape(user) + b"@b").user == user


@given(st.binary(min_size=1, max_size=12), st.binary(min_size=1, max_size=12))
@settings(max_examples=200)
def test_only_equal_bytes_decode_to_equal_users(left: bytes, right: bytes) -> None:
    one, other = (parse_uri(b"sip:%b@b" % quote(user, safe="").encode()).user for user in (left, right))
    assert (one == other) == (left == right) or b"\\x" in left + right  # the spelled-out form may also be meant


@pytest.mark.parametrize(
    ("value", "display", "uri", "params"),
    [
        (b"<sip:a@b>", "", b"sip:a@b", {}),
        (b'"J \\"Q\\" \\\\ P" <sip:a@b;lr>;tag=1;X', 'J "Q" \\ P', b"sip:a@b;lr", {"tag": "1", "x": ""}),
        (b"A. G. Bell <tel:+1>", "A. G. Bell", b"tel:+1", {}),
        ("张三 <sip:a@b>".encode(), "张三", b"sip:a@b", {}),
        ("张三 <sip:a@b>".encode("gbk"), "\\xd5\\xc5\\xc8\\xfd", b"sip:a@b", {}),
        (b"sip:a@b;tag=1", "", b"sip:a@b", {"tag": "1"}),
        (b'""<sip:a@b> ; q="a;\\"b" ', "", b"sip:a@b", {"q": '"a;\\"b"'}),
        (b'<sip:a@b>;q="\xff"', "", b"sip:a@b", {"q": '"\\xff"'}),
        (b"<http://www.example.com/p.png>;purpose=icon", "", b"http://www.example.com/p.png", {"purpose": "icon"}),
    ],
)
def test_name_addr(value: bytes, display: str, uri: bytes, params: dict[str, str]) -> None:
    assert name_addr(value) == (display, uri, params)


@pytest.mark.parametrize(
    "value", [b"", b"a", b"<a>", b"<sip:a@b", b'"a <sip:a@b>', b"<sip:a@b>x", b"<sip:a@b>,<sip:c@d>", b"a, b <sip:a@b>"]
)
def test_malformed_name_addr(value: bytes) -> None:
    with pytest.raises(BadSyntax):
        name_addr(value)


@given(
    st.text(max_size=20), st.sampled_from([b"sip:a@b", b"tel:+1"]), st.sampled_from([b"", b";tag=1", b' ; a ;b="c"'])
)
@settings(max_examples=150)
def test_quoted_names_come_back(name: str, uri: bytes, rest: bytes) -> None:
    name = name.encode("utf-8", "replace").decode()
    quoted = b'"%b"' % name.encode().replace(b"\\", b"\\\\").replace(b'"', b'\\"')
    assert name_addr(quoted + b" <" + uri + b">" + rest)[:2] == (name, uri)
    assert display_text(quoted) == name


@pytest.mark.parametrize(
    ("value", "parts"),
    [
        (b"", [b""]),
        (b"<sip:a>", [b"<sip:a>"]),
        (b"<sip:a>,<sip:b> , <sip:c>;x=y", [b"<sip:a>", b"<sip:b>", b"<sip:c>;x=y"]),
        (b'"a,b" <sip:a,b@c>, "\\",", x', [b'"a,b" <sip:a,b@c>', b'"\\","', b"x"]),
    ],
)
def test_split_values(value: bytes, parts: list[bytes]) -> None:
    assert split_values(value) == parts


@pytest.mark.parametrize(
    "value", [b",", b"a,", b",a", b"a,,b", b"a, ,b", b'a,"b', b"a,<b", b'a,b"c', b"a,b<c", b'"a,b', b"<a,b"]
)
def test_lists_that_cannot_be_cut(value: bytes) -> None:
    with pytest.raises(BadSyntax):
        split_values(value)
