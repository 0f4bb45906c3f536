"""Capture files: messages or a PacketError, nothing else, within bounds, however the file lies."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from tempfile import gettempdir

from ringfence.packets.capture_file import CaptureFile
from ringfence.packets.errors import PacketError
from ringfence.packets.layers import carried, ip_of
from ringfence.packets.messages import Messages
from ringfence.packets.streams import begins_sip

LINKS = (0, 1, 12, 101, 113, 276)


def capture(data: bytes) -> None:
    """A whole file."""
    path = Path(gettempdir()) / f"ringfence-fuzz-{os.getpid()}.pcap"
    path.write_bytes(data)
    try:
        with CaptureFile(path) as file:
            messages = Messages(file)
            for message in messages:
                assert 0 <= message.source_port <= 65_535 and 0 <= message.target_port <= 65_535
                assert message.transport == "tcp" or begins_sip(message.data)
                assert 0 < message.packet <= messages.packets
                assert len(message.data) <= len(data)
    except PacketError as error:
        assert str(error).startswith(f"{path}: at byte ")
    finally:
        path.unlink()


def frame(data: bytes) -> None:
    """One frame of every link type."""
    for link in LINKS:
        packet = ip_of(link, data)
        piece = None if packet is None else carried(packet)
        if piece is not None:
            assert len(piece.data) <= len(data) and 0 <= piece.offset <= 65_535
            assert (piece.key is None) == (not piece.offset and not piece.more) or ":" in piece.source


PACKET_TARGETS: dict[str, Callable[[bytes], None]] = {"capture": capture, "frame": frame}
