"""What the engine counts, in plain numbers: the telemetry room gives them their public names."""

from __future__ import annotations

# Methods that get a series of their own; whatever else a stranger invents is counted as `other` (RFC 3261, 3262,
# 3265/6665, 3311, 3428, 3515, 3903, 6086).
METHODS = {
    name.encode(): name
    for name in (
        "INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "REGISTER", "PRACK", "UPDATE",
        "INFO", "MESSAGE", "SUBSCRIBE", "NOTIFY", "REFER", "PUBLISH",
    )
}  # fmt: skip


class Counters:
    """Since the start of the process.

    requests: received, by method. responses: sent to callers, by status class ("1xx"). answers: received from
    gateways, by status class. verdicts: by (reason or "", action, trunk). findings: by (reason, mode, trunk), those
    that weigh nothing too: what a rule in observe would do is read from them. refused_locally: by status, for
    requests that the proxy refused before or without a screen. dialled: calls to service numbers, by what became of the
    refusal.
    """

    __slots__ = (
        "abandoned", "answers", "dialled", "failovers", "findings", "ignored_keepalives", "malformed",
        "refused_locally", "requests", "responses", "retransmissions", "stray_responses", "unknown_sources",
        "unreachable", "unscreened", "verdicts",
    )  # fmt: skip

    def __init__(self) -> None:
        self.requests: dict[str, int] = {}
        self.responses: dict[str, int] = {}
        self.answers: dict[str, int] = {}
        self.verdicts: dict[tuple[str, str, str], int] = {}
        self.findings: dict[tuple[str, str, str], int] = {}
        self.refused_locally: dict[int, int] = {}
        self.unscreened: dict[str, int] = {}
        self.dialled: dict[str, int] = {}
        self.retransmissions = 0
        self.malformed = 0
        self.unknown_sources = 0
        self.stray_responses = 0
        self.ignored_keepalives = 0
        self.failovers = 0
        self.unreachable = 0
        self.abandoned = 0

    def request(self, method: bytes) -> None:
        """One received request."""
        name = METHODS.get(method, "other")
        self.requests[name] = self.requests.get(name, 0) + 1

    def refused(self, status: int) -> None:
        """One request that the proxy itself refused."""
        self.refused_locally[status] = self.refused_locally.get(status, 0) + 1

    def verdict(self, reason: str, action: str, trunk: str) -> None:
        """One screened call."""
        key = (reason, action, trunk)
        self.verdicts[key] = self.verdicts.get(key, 0) + 1

    def finding(self, reason: str, mode: str, trunk: str) -> None:
        """One rule that spoke about a screened call."""
        key = (reason, mode, trunk)
        self.findings[key] = self.findings.get(key, 0) + 1


STATUS_CLASS = tuple(f"{first}xx" if 1 <= first <= 6 else "other" for first in range(10))
"""Label of a status by status // 100."""
