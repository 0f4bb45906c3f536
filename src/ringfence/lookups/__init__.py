"""Questions that need I/O: consent, scores and counters in the store, names in the DNS."""

from ringfence.lookups.dns import Resolver
from ringfence.lookups.errors import StoreError
from ringfence.lookups.keys import Keys
from ringfence.lookups.lookups import Lookups
from ringfence.lookups.place import roaming_service, store_place
from ringfence.lookups.resp import Address, ClusterPlace, Place, SentinelPlace, address_of, place_of
from ringfence.lookups.settings import RedisSettings, RoamingSettings
from ringfence.lookups.view import IndexView
from ringfence.lookups.watch import IndexWatch

__all__ = [
    "Address",
    "ClusterPlace",
    "IndexView",
    "IndexWatch",
    "Keys",
    "Lookups",
    "Place",
    "RedisSettings",
    "Resolver",
    "RoamingSettings",
    "SentinelPlace",
    "StoreError",
    "address_of",
    "place_of",
    "roaming_service",
    "store_place",
]
