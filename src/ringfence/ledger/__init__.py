"""Who is connected by which trunk and may show which numbers: settings and files to one snapshot. Pure."""

from ringfence.ledger.build import build_ledger
from ringfence.ledger.faults import LedgerError, LedgerFault
from ringfence.ledger.ledger import Ledger, Trunk
from ringfence.ledger.settings import TrunkSettings
from ringfence.ledger.standing import Standing

__all__ = ["Ledger", "LedgerError", "LedgerFault", "Standing", "Trunk", "TrunkSettings", "build_ledger"]
