"""`python -m ringfence.warehouse`: the indexing process, started by the daemon."""

from ringfence.warehouse.process import main

main()
