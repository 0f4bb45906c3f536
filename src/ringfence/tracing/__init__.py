"""Trace requests between carriers: signed, sent, taken, answered, with a clock. Kept in the registry's database."""
