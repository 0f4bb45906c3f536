"""URIs and the addresses that carry them (RFC 3261 §19.1, §20.10, §25.1; RFC 3966)."""

from __future__ import annotations

import re
from urllib.parse import quote

from ringfence.sip.errors import BadSyntax, UnsupportedScheme
from ringfence.sip.grammar import ADDRESS, HOST, PORT, QUOTED, SCHEME
from ringfence.sip.params import parameters

# Neither part holds an `@`, so the possessive walk ends exactly there or there is no userinfo.
_USER = rb"[A-Za-z0-9\-_.!~*'()&=+$,;?/%]++"
_PASSWORD = rb"[A-Za-z0-9\-_.!~*'()&=+$,%]*+"
_PARAMETER_BYTE = rb"[A-Za-z0-9\-_.!~*'()\[\]/:&+$%]"
_PARAMETERS = rb"(?:;" + _PARAMETER_BYTE + rb"++(?:=" + _PARAMETER_BYTE + rb"*+)?)*"

SIP_URI = rb"(?i:sips?):(?:" + _USER + rb"(?::" + _PASSWORD + rb")?@)?" + HOST + rb"(?::" + PORT + rb")?" + _PARAMETERS
"""A sip: or sips: URI without header fields, for the request line. Escapes and repeats are not looked at."""

_sip = re.compile(
    rb"(?i:(sips?)):(?:(" + _USER + rb")(?::" + _PASSWORD + rb")?@)?(" + HOST + rb")(?::(" + PORT + rb"))?"
    rb"(" + _PARAMETERS + rb")(\?[!-;=?-~]*+)?"
).fullmatch
# RFC 3966 §3: digits with visual separators; a global number has its plus in front.
_tel = re.compile(rb"(?i:tel):(\+?+[0-9*#A-Fa-f\-.()]++)(" + _PARAMETERS + rb")").fullmatch
_scheme = re.compile(rb"(" + SCHEME + rb"):").match
_dialled = re.compile(rb"[0-9*#]").search
_broken_escape = re.compile(rb"%(?![0-9A-Fa-f]{2})").search
_escape = re.compile(rb"%([0-9A-Fa-f]{2})")
_quoted_pair = re.compile(rb"\\([\x00-\xff])")
_name_addr = re.compile(ADDRESS + rb"([ \t]*+(?:;[\x00-\xff]*+)?)").fullmatch
_one_value = re.compile(rb"[^,\"<]*+(?:(?:" + QUOTED + rb"|<[^>]*+>)[^,\"<]*+)*").match


class Uri:
    """One URI, decoded for comparing; what is forwarded stays the bytes it was.

    scheme: lower case. user: escapes decoded once, None without a userinfo; a tel: URI's number as written.
    host: lower case, an IPv6 address without brackets, "" for tel:. port: 1..65535 or None.
    params: lower-case names, decoded values, "" for those without one. has_headers: whether `?headers` follow.
    """

    __slots__ = ("has_headers", "host", "params", "port", "scheme", "user")

    def __init__(
        self,
        scheme: str,
        user: str | None,
        host: str,
        port: int | None,
        params: dict[str, str],
        has_headers: bool = False,
    ) -> None:
        self.scheme = scheme
        self.user = user
        self.host = host
        self.port = port
        self.params = params
        self.has_headers = has_headers

    def __repr__(self) -> str:
        return f"Uri({self.scheme})"


def parse_uri(value: bytes) -> Uri:
    """A sip:, sips: or tel: URI, without brackets or blanks around it.

    Raises BadSyntax (400) for a broken one, UnsupportedScheme (416) for any other scheme.
    """
    if value.find(b"%") >= 0 and _broken_escape(value):
        raise BadSyntax("a URI has a broken escape")
    match = _sip(value)
    if match is None:
        return _tel_or_refused(value)
    scheme, user, host, port, params, headers = match.groups()
    return Uri(
        scheme.lower().decode(),
        None if user is None else unescape(user),
        _host(host),
        None if port is None else int(port),
        _params(params) if params else {},
        headers is not None,
    )


def _tel_or_refused(value: bytes) -> Uri:
    match = _tel(value)
    if match is not None and _dialled(match[1]):
        return Uri("tel", match[1].decode(), "", None, _params(match[2]))
    scheme = _scheme(value)
    if scheme is None:
        raise BadSyntax("a URI has no scheme")
    if scheme[1].lower() in (b"sip", b"sips", b"tel"):
        raise BadSyntax("a URI is malformed")
    raise UnsupportedScheme("a URI has a scheme that is not routed here")


def _host(host: bytes) -> str:
    text = host.decode().lower()
    # RFC 5118 §4.10: the grammar of RFC 3261 derives a third colon before an IPv4 part; it is to be ignored.
    return text if text[0] != "[" else text[1:-1].replace(":::", "::")


def _params(text: bytes) -> dict[str, str]:
    """RFC 3261 §19.1.1: "any given parameter-name MUST NOT appear more than once"."""
    params: dict[str, str] = {}
    for part in text[1:].split(b";") if text else ():
        name, _, value = part.partition(b"=")
        key = unescape(name).lower()
        if key in params:
            raise BadSyntax("a URI parameter is repeated")
        params[key] = unescape(value)
    return params


def unescape(value: bytes) -> str:
    """`%xx` as the byte it stands for, once (RFC 3261 §19.1.2); bytes that are no UTF-8 as `\\xNN`.

    So two different users never become equal, and a NUL (RFC 4475 §3.1.1.4) is one character like others.
    """
    if value.find(b"%") >= 0:
        value = _escape.sub(lambda match: bytes((int(match[1], 16),)), value)
    return value.decode("utf-8", "backslashreplace")


def escape(user: str) -> bytes:
    """A user part for writing; `unescape` reads it back (RFC 3261 §19.1.2). What a number may hold stays readable."""
    return quote(user, safe="-_.!~*'()+").encode()


def name_addr(value: bytes) -> tuple[str, bytes, dict[str, str]]:
    """One name-addr or addr-spec with its header parameters, unfolded: display name, URI, parameters.

    display: quotes and their escapes taken off, "" without one. uri: as written, without brackets.
    params: lower-case names, values as written (quotes kept), "" for those without one.
    Raises BadSyntax.
    """
    match = _name_addr(value)
    if match is None:
        raise BadSyntax("an address is malformed")
    display, uri, bare, rest = match.groups()
    found = parameters(rest) if rest else {}
    params = {
        name.decode(): "" if text is None else text.decode("utf-8", "backslashreplace") for name, text in found.items()
    }
    return (display_text(display) if display else "", bare if uri is None else uri, params)


def display_text(display: bytes) -> str:
    """A display name as a person reads it: `"J \\"Q\\" P"` gives `J "Q" P`; no UTF-8 as `\\xNN`."""
    display = display.strip(b" \t")
    if display[:1] == b'"':
        display = display[1:-1]
        if display.find(b"\\") >= 0:
            display = _quoted_pair.sub(rb"\1", display)
    return display.decode("utf-8", "backslashreplace")


def split_values(value: bytes) -> list[bytes]:
    """A list-valued field cut at its commas, not at those within quotes or brackets (RFC 3261 §7.3.1).

    Raises BadSyntax for a quote or bracket without its end and for an empty element.
    """
    if value.find(b",") < 0:
        return [value]
    values = []
    at = 0
    while True:
        match = _one_value(value, at)
        assert match is not None  # it matches nothing, too
        end = match.end()
        part = value[at:end].strip(b" \t")
        if not part:
            raise BadSyntax("a list has an empty element")
        values.append(part)
        if end == len(value):
            return values
        if value[end] != 0x2C:
            raise BadSyntax("a quote or bracket is not closed")
        at = end + 1
