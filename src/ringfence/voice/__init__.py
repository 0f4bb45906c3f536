"""Refusals by dialling: which numbers mean what, who is believed, and what the caller is told. Pure."""
