"""Route pre- and post-processing (RFC 3261 §16.4, §16.6 items 6 and 7)."""

from __future__ import annotations

import re

from mypy_extensions import mypyc_attr

from ringfence.forwarding.token import OwnNames
from ringfence.sip.address import Listener
from ringfence.sip.errors import BadSyntax
from ringfence.sip.grammar import QUOTED
from ringfence.sip.message import Request

_quoted_name = re.compile(QUOTED).match


@mypyc_attr(acyclic=True)
class Path:
    """Where a request goes by its own Route and Request-URI, after our own entries are taken off.

    uri: the Request-URI to forward with. routes: the Route values that remain, in order.
    next_uri: the URI that names the next hop.
    token: from our topmost entry, b"" if it bore none, None if no entry was ours.
    listener: the one that our last entry named, through which the request leaves; None if no entry was ours.
    changed: whether `uri` or `routes` differ from the request's own.
    """

    __slots__ = ("changed", "listener", "next_uri", "routes", "token", "uri")

    def __init__(self, uri: bytes, routes: list[bytes]) -> None:
        self.uri = uri
        self.next_uri = uri
        self.routes = routes
        self.token: bytes | None = None
        self.listener: Listener | None = None
        self.changed = False


def path_of(request: Request, own: OwnNames) -> Path:
    """Take our own entries off the route set, strict routers' way included; never raises."""
    try:
        routes = request.routes
    except BadSyntax:
        routes = []  # `fault_of` refuses such a request; an ACK, which nobody answers, bears no token then
    path = Path(request.uri, routes)
    if not routes:
        return path
    # §16.4: "If the Request-URI of the request contains a value this proxy previously placed into a Record-Route
    # header field, the proxy MUST replace the Request-URI in the request with the last value from the Route".
    if request.uri.find(b"rf-") >= 0:
        named = own.read(b"<" + request.uri + b">")
        if named is not None and named[1]:
            path.listener, path.token = named
            path.uri = addr_spec(routes[-1])
            routes = routes[:-1]
            path.changed = True
    while routes:
        named = own.read(routes[0])
        if named is None:
            break
        path.listener = named[0]
        if path.token is None:
            path.token = named[1]
        routes = routes[1:]
        path.changed = True
    path.routes = routes
    path.next_uri = addr_spec(routes[0]) if routes else path.uri
    if routes and not is_loose(routes[0]):
        # §16.6 item 6: a strict router finds itself in the Request-URI and the target behind all routes.
        path.routes = [*routes[1:], b"<" + path.uri + b">"]
        path.uri = path.next_uri
        path.changed = True
    return path


def is_loose(route: bytes) -> bool:
    """Whether a Route value carries the lr parameter inside its URI (§19.1.1)."""
    # Behind the user part, which may hold `;` and `?` itself (§25.1 user-unreserved); no header field may hold an `@`.
    parameters = addr_spec(route).lower().rpartition(b"@")[2].partition(b"?")[0].split(b";")[1:]
    return any(parameter.partition(b"=")[0].strip() == b"lr" for parameter in parameters)


def addr_spec(route: bytes) -> bytes:
    """The URI inside `display <uri>;parameters`, or the bare URI without the header's parameters (§20.10)."""
    name = _quoted_name(route)  # may hold brackets
    start = route.find(b"<", 0 if name is None else name.end())
    if start >= 0:
        return route[start + 1 : route.find(b">", start)]
    return route.partition(b";")[0].strip()
