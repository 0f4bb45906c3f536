"""The ledger's three busy parts as this process works with them: compiled where that was built, else the twins."""

from ringfence.compiled import usable

COMPILED = usable("ringfence._ledger")

if COMPILED:
    from ringfence._ledger import Intervals, flatten, scan
else:
    from ringfence.ledger.flatten import flatten
    from ringfence.ledger.intervals import Intervals
    from ringfence.ledger.scan import scan

__all__ = ["COMPILED", "Intervals", "flatten", "scan"]
