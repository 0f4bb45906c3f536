"""What stands where in the store. Numbers appear as keyed digests only: who reads the store learns none.

`c:DIGEST`, a hash a callee: field = a holder's name or `*` (all holders), value = `+UNTIL` (consent, epoch
seconds, 0 without an end) or `-SINCE` (refusal, epoch seconds).
`s:DIGEST`, a string a caller: harassment score, 0..100; expires.
`roaming`, a set: digests of subscribers who are abroad.
`r:DIGEST:BUCKET`, a counter a caller and window: attempts; expires after three windows.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from hashlib import blake2s

EVERY_HOLDER = "*"
_DIGEST_BYTES = 12  # 96 bits: two of 10 million numbers collide with a chance of 1 in 10**15


class Keys:
    """Names of keys under one prefix and digest key (32 bytes)."""

    __slots__ = ("_digest_key", "_last", "_last_digest", "_prefix")

    def __init__(self, prefix: str, digest_key: bytes) -> None:
        self._prefix = prefix.encode()
        self._digest_key = digest_key
        self._last: str | None = None
        self._last_digest = b""

    def digest(self, number: str) -> bytes:
        """16 characters for a number in its comparable form (`Number.value`)."""
        # Score and rate are asked for one after the other, about one and the same text.
        if number is not self._last:
            raw = blake2s(number.encode(), key=self._digest_key, digest_size=_DIGEST_BYTES).digest()
            self._last_digest = urlsafe_b64encode(raw)
            self._last = number
        return self._last_digest

    def consent(self, digest: bytes) -> bytes:
        """Key of a callee's consents and refusals."""
        return b"%bc:%b" % (self._prefix, digest)

    def score(self, digest: bytes) -> bytes:
        """Key of a caller's score."""
        return b"%bs:%b" % (self._prefix, digest)

    def roaming(self) -> bytes:
        """Key of the set of subscribers who are abroad."""
        return b"%broaming" % self._prefix

    def attempts(self, digest: bytes, bucket: int) -> bytes:
        """Key of a caller's attempts in one window."""
        return b"%br:%b:%d" % (self._prefix, digest, bucket)
