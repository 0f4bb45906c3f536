"""Records in ClickHouse: the engine for more calls than one machine can search, fed from the spool."""
