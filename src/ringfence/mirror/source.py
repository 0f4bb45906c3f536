"""The copies of what one process serves: on their way to the copying process while the front wants them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import cast

from ringfence.mirror.errors import MirrorError
from ringfence.mirror.tap import Tap


class _Link(asyncio.Protocol):
    """Nothing comes by it; its end says that the copying process is gone."""

    def __init__(self, on_end: Callable[[], None]) -> None:
        self._on_end = on_end

    def connection_lost(self, error: Exception | None) -> None:
        self._on_end()


class Source:
    """A Tap while there is somebody to take what it gives.

    socket: where the copying process takes copies. bound: bytes that may wait for it. attach: told of the Tap that the
    call path is to call, None for nobody.
    """

    def __init__(self, socket: Path, bound: int, attach: Callable[[Tap | None], None]) -> None:
        self._socket = socket
        self._bound = bound
        self._attach = attach
        self._tap: Tap | None = None
        self._link: asyncio.WriteTransport | None = None
        self._before = {"copied": 0, "dropped": 0}
        self._changing = asyncio.Lock()

    async def copy(self, share: float | None) -> None:
        """Copy this share of the calls from now on, see `frames.chosen`; None: nothing any more.

        What was copied before still goes there. Raises MirrorError where nobody takes it.
        """
        async with self._changing:
            if share is None:
                self._end()
            elif self._tap is not None:
                self._tap.share = share
            else:
                await self._begin(share)

    async def _begin(self, share: float) -> None:
        loop = asyncio.get_running_loop()
        try:
            transport, _ = await loop.create_unix_connection(lambda: _Link(self._end), str(self._socket))
        except OSError:
            raise MirrorError("the copying process is not there") from None
        self._link = cast("asyncio.WriteTransport", transport)
        self._tap = Tap(self._link, share, self._bound)
        self._attach(self._tap)

    def _end(self) -> None:
        tap, self._tap = self._tap, None
        if tap is None or self._link is None:
            return
        self._attach(None)
        for name, count in self._counts(tap).items():
            self._before[name] += count
        self._link.close()

    @staticmethod
    def _counts(tap: Tap) -> dict[str, int]:
        return {"copied": tap.copied, "dropped": tap.dropped}

    async def close(self) -> None:
        """Copy nothing any more."""
        await self.copy(None)

    def stats(self) -> dict[str, int]:
        """Counters since start."""
        now = {} if self._tap is None else self._counts(self._tap)
        return {name: count + now.get(name, 0) for name, count in self._before.items()}
