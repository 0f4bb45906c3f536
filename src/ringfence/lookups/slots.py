"""Where a key lives in a Redis Cluster: 16,384 slots, each with one server."""

from __future__ import annotations

from binascii import crc_hqx

SLOTS = 16_384


def slot_of(key: bytes) -> int:
    """The slot of a key: of what stands in its first braces when that is not empty (cluster specification)."""
    begin = key.find(b"{")
    if begin >= 0:
        end = key.find(b"}", begin + 1)
        if end > begin + 1:
            key = key[begin + 1 : end]
    return crc_hqx(key, 0) % SLOTS  # CRC-16/XMODEM


def slot_of_command(command: bytes) -> int:
    """The slot of a packed command's key (RESP array of bulk strings): its first argument, of EVAL its third."""
    at = command.index(b"$") + 1
    for skipped in range(4):
        end = command.index(b"\r\n", at)
        begin, at = end + 2, end + 2 + int(command[at:end])
        word = command[begin:at]
        if skipped == 0:
            last = 3 if word == b"EVAL" else 1
        elif skipped == last:
            break
        at += 3  # CRLF and the next one's dollar
    return slot_of(word)


def split(commands: bytes) -> list[bytes]:
    """Packed commands one by one."""
    found = []
    at = 0
    while at < len(commands):
        begin = at
        line = commands.index(b"\r\n", at)
        parts, at = int(commands[at + 1 : line]), line + 2
        for _ in range(parts):
            line = commands.index(b"\r\n", at)
            at = line + 2 + int(commands[at + 1 : line]) + 2
        found.append(commands[begin:at])
    return found


def spread(count: int) -> tuple[bytes, ...]:
    """So many hash tags whose slots lie evenly over all slots: as even as a cluster is divided, so are they."""
    width = SLOTS // count
    found: dict[int, bytes] = {}
    number = 0
    while len(found) < count:
        tag = b"%d" % number
        found.setdefault(slot_of(tag) // width, tag)
        number += 1
    return tuple(tag for _, tag in sorted(found.items()))
