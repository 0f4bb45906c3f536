"""Calls served by several processes: a front that owns the sockets, and workers that share nothing but the store."""
