"""redis-py for everything beside the call path: one client for a server, a Cluster or a Sentinels' master."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ringfence.lookups.errors import StoreError
from ringfence.lookups.resp import Address, ClusterPlace, Place, SentinelPlace

TIMEOUT = 2.0  # seconds: redis-py's own default had not given up after 40 s on a server that hangs


def client_of(place: Place, timeout: float = TIMEOUT) -> Any:
    """A client that answers in bytes and waits `timeout` seconds for each answer. Raises StoreError (Cluster only).

    Its type is redis-py's `Redis` or `RedisCluster`, which share no base that says what both can do.
    """
    # redis-py costs a third of a second to import: the SIP process never does.
    from redis import Redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    patience: dict[str, Any] = {"socket_timeout": timeout, "socket_connect_timeout": timeout}
    if isinstance(place, Address):
        where = {"unix_socket_path": place.path} if place.path else {"host": place.host, "port": place.port}
        return Redis(db=place.database, retry=Retry(NoBackoff(), 0), **where, **_login(place), **patience)
    if isinstance(place, SentinelPlace):
        from redis.sentinel import Sentinel

        watch = place.sentinels[0]
        sentinels: Any = Sentinel(  # type: ignore[no-untyped-call]
            [(one.host, one.port) for one in place.sentinels],
            sentinel_kwargs={**_login(watch), **patience},
            db=place.server.database,
            retry=Retry(NoBackoff(), 0),
            **_login(place.server),
            **patience,
        )
        return sentinels.master_for(place.service)
    return _cluster(place, patience)


def _cluster(place: ClusterPlace, patience: dict[str, Any]) -> Any:
    from redis.cluster import ClusterNode, RedisCluster

    with told():
        return RedisCluster(
            startup_nodes=[ClusterNode(one.host, one.port) for one in place.seeds],  # type: ignore[no-untyped-call]
            **_login(place.seeds[0]),
            **patience,
        )


def _login(address: Address) -> dict[str, Any]:
    """Who we are, and whether over TLS."""
    given: dict[str, Any] = {"username": address.username, "password": address.password}
    if address.tls:
        given |= {"ssl": True, "ssl_ca_certs": address.ca}
    return given


@contextmanager
def told() -> Iterator[None]:
    """redis-py's errors as StoreError."""
    from redis.exceptions import RedisError

    try:
        yield
    except (RedisError, OSError) as error:
        raise StoreError(f"the store did not do it: {str(error)[:120]}") from None
