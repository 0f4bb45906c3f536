"""Which servers a store consists of: the masters and slots of a Cluster, the master that Sentinels name.

Asked with single commands on connections of their own, beside those that carry the calls' questions.
"""

from __future__ import annotations

import asyncio

from ringfence.lookups.errors import StoreError
from ringfence.lookups.questions import command
from ringfence.lookups.resp import Address, ClusterPlace, Place, RespConnection, SentinelPlace

Slots = list[tuple[int, int, Address]]
"""First and last slot of a range, and its master."""


async def ask(address: Address, timeout: float, *commands: bytes) -> list[object]:
    """The replies to some commands, on a connection made for them. timeout: seconds for all. Raises StoreError."""
    replies: list[object] = []
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def lost() -> None:
        if not done.done():
            done.set_exception(StoreError("the store closed the connection"))

    def reply(one: object) -> None:
        replies.append(one)
        if len(replies) == len(commands) and not done.done():
            done.set_result(None)

    try:
        async with asyncio.timeout(timeout):
            connection = await RespConnection.connect(address, timeout, reply, lost)
            try:
                connection.write(b"".join(commands))
                await done
            finally:
                connection.close()
    except TimeoutError:
        raise StoreError("the store does not answer") from None
    return replies


async def slots_of(place: ClusterPlace, known: list[Address], timeout: float) -> Slots:
    """The cluster's map, from the first server that tells. Raises StoreError."""
    why = "no server of the cluster is known"
    for address in dict.fromkeys([*known, *place.seeds]):
        try:
            (reply,) = await ask(address, timeout, command(b"CLUSTER", b"SLOTS"))
            found = _ranges(reply, address)
        except StoreError as error:
            why = str(error)
            continue
        if found:
            return found
        why = "no slot of the cluster has a server"
    raise StoreError(why)


def _ranges(reply: object, asked: Address) -> Slots:
    if not isinstance(reply, list):
        raise StoreError(f"redis.url: not a cluster: {str(reply)[:80]}")
    found: Slots = []
    for first, last, master, *_ in reply:
        host = master[0].decode() if isinstance(master[0], bytes) else ""
        # An empty host is the one that was asked; "?" is one that the server itself does not know yet.
        if host != "?":
            found.append((first, last, asked._replace(host=host or asked.host, port=int(master[1]))))
    return found


async def master_of(place: SentinelPlace, timeout: float) -> Address:
    """The master that the first answering Sentinel names. Raises StoreError."""
    why = "no Sentinel is known"
    for sentinel in place.sentinels:
        try:
            (reply,) = await ask(
                sentinel, timeout, command(b"SENTINEL", b"GET-MASTER-ADDR-BY-NAME", place.service.encode())
            )
        except StoreError as error:
            why = f"Sentinel {sentinel}: {error}"
            continue
        if isinstance(reply, list) and len(reply) == 2:
            return place.server._replace(host=bytes(reply[0]).decode(), port=int(reply[1]))
        why = f"Sentinel {sentinel} knows no master {place.service}"
    raise StoreError(why)


async def server_for(place: Place, slot: int, timeout: float) -> Address:
    """The server that has a slot now. Raises StoreError."""
    if isinstance(place, SentinelPlace):
        return await master_of(place, timeout)
    if isinstance(place, ClusterPlace):
        for begin, end, address in await slots_of(place, [], timeout):
            if begin <= slot <= end:
                return address
        raise StoreError(f"slot {slot} of the cluster has no server")
    return place
