"""`python -m ringfence.control`: the HTTP process, started by the daemon with what it needs as arguments."""

from ringfence.control.process import main

main()
