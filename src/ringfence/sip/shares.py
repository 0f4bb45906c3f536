"""Which worker a message is for: the same one for all messages with one Call-ID, whoever sends them."""

from __future__ import annotations

import re
from zlib import crc32

_BLANKS = b" \t\r\n"
_MIX, _WORD = 0x9E3779B1, 0xFFFFFFFF  # the golden ratio in 32 bits: a CRC of counted names is even in no single bit

# As framing looks for Content-Length: what else is wrong with a head is for the worker's parser to say.
_call_id = re.compile(rb"\r\n(?:call-id|i)[ \t]*+:([^\r\n]*+(?:\r\n[ \t][^\r\n]*+)*)", re.IGNORECASE).search


def share_of(call_id: bytes, workers: int) -> int:
    """The worker, from 0 on, of a Call-ID; blanks within it do not count."""
    mixed = crc32(call_id.translate(None, _BLANKS)) * _MIX & _WORD
    return (mixed >> 16) * workers >> 16


def share_of_message(data: bytes, workers: int) -> int:
    """The worker of a message by its first Call-ID (RFC 3261 §20.8), `i` in compact form.

    It need not be well-formed. Without a Call-ID it is the first worker's, who answers or drops it as it deserves.
    """
    end = data.find(b"\r\n\r\n")
    found = _call_id(data, 0, len(data) if end < 0 else end)
    return 0 if found is None else share_of(found[1], workers)
