"""One durable record of every INVITE: the spool that is written before a call goes on, and what is read from it."""
