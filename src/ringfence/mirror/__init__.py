"""Copies of messages and decisions for others: HEP3 to Homer, pcapng on demand. In a process of its own."""
