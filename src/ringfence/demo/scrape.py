"""Reading the daemon's own metrics over HTTP: what moved between two looks."""

from __future__ import annotations

import asyncio
import urllib.request
from collections.abc import Mapping

TIMEOUT = 2.0  # seconds for one scrape on loopback

Samples = dict[str, float]
"""`name{labels}` as the exposition writes it, and the value."""


async def scrape(url: str) -> Samples:
    """All samples of a Prometheus text page. Raises OSError when nobody answers."""
    return parse_samples(await asyncio.to_thread(fetch, url))


def fetch(url: str) -> str:
    """A page's text; blocks for at most TIMEOUT a step. Raises OSError, ValueError for what is not HTTP."""
    if not url.startswith(("http://", "https://")):
        raise ValueError("metrics are read over HTTP")
    with urllib.request.urlopen(url, timeout=TIMEOUT) as answer:  # noqa: S310 -- the scheme is checked above
        body: bytes = answer.read()
    return body.decode()


def parse_samples(page: str) -> Samples:
    """The sample lines of a text exposition; comments and timestamps are left out."""
    samples: Samples = {}
    for line in page.splitlines():
        if not line or line.startswith("#"):
            continue
        end = line.rindex("}") + 1 if "}" in line else line.index(" ")
        samples[line[:end]] = float(line[end:].split()[0])
    return samples


def moved(before: Mapping[str, float], after: Mapping[str, float]) -> Samples:
    """What grew, and by how much; creation times and buckets are no counters of interest."""
    grown: Samples = {}
    for name, value in after.items():
        bare = name.partition("{")[0]
        if bare.endswith(("_created", "_bucket")):
            continue
        if value > before.get(name, 0.0):
            grown[name] = value - before.get(name, 0.0)
    return grown
