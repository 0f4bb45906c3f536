"""From and To: who calls whom, and the tags that make a dialog of it (RFC 3261 §20.20, §20.39)."""

from __future__ import annotations

import re

from ringfence.sip.errors import BadSyntax
from ringfence.sip.grammar import ADDRESS, TOKEN
from ringfence.sip.params import parameters

_party = re.compile(ADDRESS + rb"(?:;tag=(" + TOKEN + rb")(?=;|\Z))?([\x00-\xff]*+)").fullmatch


def party(value: bytes | None) -> tuple[bytes | None, bytes, bytes]:
    """A From or To value, unfolded: display name as written (None: bare URI), addr-spec, tag (b"" if none).

    Raises BadSyntax, also for None: both must be there (RFC 3261 §8.1.1).
    """
    match = None if value is None else _party(value)
    if match is None:
        raise BadSyntax("From or To is missing or malformed")
    display, uri, bare, tag, rest = match.groups()
    if rest:
        tag = _tag_among(b";tag=" + tag + rest if tag is not None else rest)
    return (display, bare if uri is None else uri, b"" if tag is None else tag)


def _tag_among(text: bytes) -> bytes:
    found = parameters(text)
    tag = found.get(b"tag", b"")
    if tag is None or tag[:1] == b'"':
        raise BadSyntax("From or To has a malformed tag")
    return tag
