"""What C offers has the signatures of its twins, and to a type checker it is its twins."""

from ringfence.ledger.flatten import flatten as flatten
from ringfence.ledger.intervals import Intervals as Intervals
from ringfence.ledger.scan import scan as scan
