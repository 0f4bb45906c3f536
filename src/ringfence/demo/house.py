"""The daemon as the demo's child: started on a configuration, waited for, and never left behind."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import sys
import urllib.error
from collections.abc import Mapping
from pathlib import Path

from ringfence.demo.errors import DemoError
from ringfence.demo.scrape import fetch

START_TIMEOUT = 30.0  # seconds: a small machine imports Python and starts a store in this time
STOP_TIMEOUT = 10.0  # seconds for a daemon without calls to end
_PR_SET_PDEATHSIG = 1
_LOG_LINES = 15


class House:
    """One running daemon.

    log: the file it writes to. environment: variables on top of our own.
    """

    def __init__(self, config: Path, log: Path, environment: Mapping[str, str]) -> None:
        self._config = config
        self._log = log
        self._environment = {**os.environ, **environment}
        self._process: asyncio.subprocess.Process | None = None

    async def start(self, ready_url: str) -> None:
        """Start it and wait until it serves calls. Raises DemoError with the end of its log."""
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "ringfence", "serve", "--config", str(self._config),
                stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log, env=self._environment,
                # Ctrl-C is ours to handle; should we be killed, the kernel ends the daemon.
                start_new_session=True, preexec_fn=_end_with_parent,
            )  # fmt: skip
        why = ""
        try:
            async with asyncio.timeout(START_TIMEOUT):
                while (why := await _not_ready(ready_url)) != "":
                    if self._process.returncode is not None:
                        raise DemoError(f"the daemon ended with {self._process.returncode}:\n{self.tail()}")
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise DemoError(f"the daemon is not ready after {START_TIMEOUT:.0f} s: {why}\n{self.tail()}") from None

    @property
    def ended(self) -> bool:
        """Whether it ended by itself."""
        return self._process is not None and self._process.returncode is not None

    async def wait(self) -> None:
        """Until it ends by itself."""
        assert self._process is not None
        await self._process.wait()

    async def stop(self) -> None:
        """End it, kindly first."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            async with asyncio.timeout(STOP_TIMEOUT):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()

    def tail(self) -> str:
        """The last lines it logged."""
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-_LOG_LINES:])


async def _not_ready(url: str) -> str:
    """Why it does not serve calls yet; "" when it does."""
    try:
        await asyncio.to_thread(fetch, url)
    except urllib.error.HTTPError as error:
        return error.read().decode(errors="replace")
    except OSError as error:
        return str(error)
    return ""


def _end_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
