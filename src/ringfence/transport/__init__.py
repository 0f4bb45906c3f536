"""Bytes with an address: UDP, TCP and TLS sockets under SIP."""

from ringfence.transport.errors import TransportError
from ringfence.transport.transports import Transports

__all__ = ["TransportError", "Transports"]
