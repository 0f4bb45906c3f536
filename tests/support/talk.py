"""What callers and gateways say in the engine's tests, written as one reads it."""

from __future__ import annotations

import re

BANK_NUMBER = "+861062345678"
CALLEE = "+8613900001000"

_COPIED = ("via", "from", "to", "call-id", "cseq", "record-route")


def lines(*parts: str, body: str = "") -> bytes:
    """CRLF lines, an empty one, the body; Content-Length is put in."""
    return "\r\n".join([*parts, f"Content-Length: {len(body.encode())}", "", body]).encode()


def invite(
    *,
    branch: str = "z9hG4bKcaller1",
    call_id: str = "call1@192.0.2.1",
    number: str = BANK_NUMBER,
    callee: str = CALLEE,
    host: str = "192.0.2.1",
    cseq: int = 1,
    extra: tuple[str, ...] = (),
    display: str = '"Bank"',
    from_tag: str = "caller-tag",
    max_forwards: int | None = 70,
    uri: str | None = None,
    method: str = "INVITE",
    via_params: str = ";rport",
    body: str = "v=0\r\n",
) -> bytes:
    """A first INVITE (or another request outside a dialog) of a trunk."""
    hops = () if max_forwards is None else (f"Max-Forwards: {max_forwards}",)
    return lines(
        f"{method} {uri or f'sip:{callee}@198.51.100.99'} SIP/2.0",
        f"Via: SIP/2.0/UDP {host}:5060;branch={branch}{via_params}",
        *hops,
        f"From: {display} <sip:{number}@{host}>;tag={from_tag}",
        f"To: <sip:{callee}@198.51.100.99>",
        f"Call-ID: {call_id}",
        f"CSeq: {cseq} {method}",
        f"Contact: <sip:bank@{host}:5060>",
        *extra,
        body=body,
    )


def in_dialog(
    method: str,
    route: str,
    *,
    branch: str = "z9hG4bKcaller2",
    cseq: int = 2,
    uri: str = "sip:callee@198.51.100.1:5060",
    call_id: str = "call1@192.0.2.1",
    to_tag: str = "callee-tag",
    from_tag: str = "caller-tag",
    host: str = "192.0.2.1",
    extra: tuple[str, ...] = (),
    max_forwards: int = 70,
) -> bytes:
    """A request inside the dialog that `invite` began; route: the Route value(s), "" for none."""
    return lines(
        f"{method} {uri} SIP/2.0",
        f"Via: SIP/2.0/UDP {host}:5060;branch={branch};rport",
        f"Max-Forwards: {max_forwards}",
        *((f"Route: {route}",) if route else ()),
        f"From: <sip:{BANK_NUMBER}@{host}>;tag={from_tag}",
        f"To: <sip:{CALLEE}@198.51.100.99>;tag={to_tag}",
        f"Call-ID: {call_id}",
        f"CSeq: {cseq} {method}",
        *extra,
    )


def cancel(request: bytes, *extra: str) -> bytes:
    """The CANCEL of a request, as its sender makes it (RFC 3261 §9.1)."""
    return _derived(request, "CANCEL", None, *extra)


def ack_of(request: bytes, response: bytes) -> bytes:
    """The ACK of a non-2xx answer, as the sender of the INVITE makes it (RFC 3261 §17.1.1.3)."""
    return _derived(request, "ACK", f"To: {header(response, 'To')[0]}")


def _derived(request: bytes, method: str, to: str | None, *extra: str) -> bytes:
    head = request.partition(b"\r\n\r\n")[0].decode().split("\r\n")
    uri = head[0].split(" ")[1]
    via = next(line for line in head if line.lower().startswith("via:"))
    wanted = ("from:", "call-id:", "max-forwards:", "route:") if to else ("from:", "to:", "call-id:", "max-forwards:")
    kept = [line for line in head if line.lower().startswith(wanted)]
    number = header(request, "CSeq")[0].split()[0]
    return lines(f"{method} {uri} SIP/2.0", via, *kept, *([to] if to else []), f"CSeq: {number} {method}", *extra)


def answer(request: bytes, status: int, *extra: str, to_tag: str = "callee-tag", phrase: str = "Phrase") -> bytes:
    """An answer to a request that we forwarded, as the far end gives it."""
    head = request.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
    kept = [line for line in head if line.partition(":")[0].strip().lower() in _COPIED]
    if status > 100 and to_tag:
        kept = [
            f"{line};tag={to_tag}" if line.lower().startswith("to:") and ";tag=" not in line else line for line in kept
        ]
    return lines(f"SIP/2.0 {status} {phrase}", *kept, *extra)


def header(message: bytes, name: str) -> list[str]:
    """All values of a header field, by its full name."""
    return [value.decode() for value in re.findall(rb"(?im)^%b[ \t]*:[ \t]*([^\r]*)" % name.encode(), message)]
