"""`python -m ringfence.mirror`: the copying process, started by the daemon."""

from ringfence.mirror.process import main

main()
