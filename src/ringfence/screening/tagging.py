"""The marks that a tagged call carries on: bytes to splice in, none of them from the call itself."""

from __future__ import annotations

from ringfence.screening.settings import TaggingSettings
from ringfence.screening.verdict import Verdict


def tag_lines(verdict: Verdict, settings: TaggingSettings) -> bytes:
    """Header lines with their CRLF for a forwarded call; b"" for a call that is not tagged."""
    if verdict.action != "tag":
        return b""
    lines = ""
    if settings.headers:
        name = settings.header_prefix
        lines = f"{name}-Verdict: tag\r\n{name}-Reason: {verdict.reason}\r\n{name}-Score: {verdict.points:.0f}\r\n"
    if settings.call_info is not None:
        lines += f"Call-Info: <{settings.call_info}>;purpose=info\r\n"
    return lines.encode("ascii")


def display_prefix(verdict: Verdict, settings: TaggingSettings) -> bytes:
    """UTF-8 to put inside the quotes of From's display name, in front of it; b"" for a call that is not tagged."""
    return settings.display_prefix.encode() if verdict.action == "tag" else b""


def own_header_prefix(settings: TaggingSettings) -> bytes:
    """How names of our own header fields begin, lower case with the dash: what a trunk may not send us."""
    return settings.header_prefix.lower().encode("ascii") + b"-"
