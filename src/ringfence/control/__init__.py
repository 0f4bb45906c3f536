"""HTTP for operators, in a process of its own; the SIP process answers it over a Unix socket (`channel`)."""
