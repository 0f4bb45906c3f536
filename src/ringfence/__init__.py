"""Carrier-side call screening: a SIP proxy that answers for what it connects."""

__version__ = "0.1.0"
