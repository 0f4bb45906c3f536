"""The batched datagram calls that this process works with: the compiled ones where there are some, else their twins."""

from ringfence.compiled import NATIVE

if NATIVE:
    from ringfence._native import receive_batch, receive_relayed, relay_batch, send_batch
else:
    from ringfence.transport.datagrams import receive_batch, send_batch
    from ringfence.transport.relay import receive_relayed, relay_batch

__all__ = ["receive_batch", "receive_relayed", "relay_batch", "send_batch"]
