"""Questions that need I/O: consent, scores and counters in the store, names in the DNS."""

from ringfence.lookups.dns import Resolver
from ringfence.lookups.errors import StoreError
from ringfence.lookups.keys import Keys
from ringfence.lookups.lookups import Lookups
from ringfence.lookups.place import roaming_service, store_address
from ringfence.lookups.resp import Address, address_of
from ringfence.lookups.settings import RedisSettings, RoamingSettings

__all__ = [
    "Address",
    "Keys",
    "Lookups",
    "RedisSettings",
    "Resolver",
    "RoamingSettings",
    "StoreError",
    "address_of",
    "roaming_service",
    "store_address",
]
