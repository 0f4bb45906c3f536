"""`python -m ringfence.clickhouse`: the feeding process, started by the daemon."""

from ringfence.clickhouse.process import main

main()
