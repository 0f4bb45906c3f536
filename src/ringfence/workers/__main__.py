"""`python -m ringfence.workers`: a worker, started by the front."""

from ringfence.workers.process import main

main()
