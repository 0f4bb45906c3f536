"""The batched datagram calls that this process works with: the compiled ones where there are some, else their twins.

Names of values, not of functions: a compiled caller would bind a function that it knows, which is the twin.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence

from ringfence.compiled import NATIVE
from ringfence.transport import datagrams, relay
from ringfence.transport.far_ends import Address, Peer

if NATIVE:
    from ringfence import _native

receive_batch: Callable[[socket.socket, int], list[tuple[bytes, Address]]] = (
    _native.receive_batch if NATIVE else datagrams.receive_batch
)
send_batch: Callable[[socket.socket, Sequence[tuple[Peer, bytes]], int], int] = (
    _native.send_batch if NATIVE else datagrams.send_batch
)
receive_relayed: Callable[[socket.socket, int], list[tuple[bytes, Address]]] = (
    _native.receive_relayed if NATIVE else relay.receive_relayed
)
relay_batch: Callable[[socket.socket, Sequence[int], int, int], relay.Relayed] = (
    _native.relay_batch if NATIVE else relay.relay_batch
)
