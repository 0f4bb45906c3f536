"""Who is connected by which trunk and may show which numbers: settings and files to one snapshot. Pure."""

from ringfence.ledger.build import LedgerError, LedgerFault, build_ledger
from ringfence.ledger.ledger import Ledger, Trunk
from ringfence.ledger.ranges import RangeSet
from ringfence.ledger.settings import TrunkSettings

__all__ = ["Ledger", "LedgerError", "LedgerFault", "RangeSet", "Trunk", "TrunkSettings", "build_ledger"]
