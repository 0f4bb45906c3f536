"""`python -m ringfence`."""

import sys

from ringfence.cli import main

if __name__ == "__main__":
    sys.exit(main())
