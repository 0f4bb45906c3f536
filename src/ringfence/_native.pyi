"""What C offers has the signatures of its twins, and to a type checker it is its twins."""

from collections.abc import Callable
from typing import Any

from ringfence.sip.index import HeaderIndex as HeaderIndex
from ringfence.transport.datagrams import receive_batch as receive_batch
from ringfence.transport.datagrams import send_batch as send_batch
from ringfence.transport.relay import receive_relayed as receive_relayed
from ringfence.transport.relay import relay_batch as relay_batch

def learn(request: type, response: type, via: type, pure: Callable[[bytes], Any]) -> None: ...
def parse(data: bytes) -> Any: ...
