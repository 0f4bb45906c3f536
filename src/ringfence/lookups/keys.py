"""What stands where in the store. Numbers appear as keyed digests only: who reads the store learns none.

Consents, refusals and wishes: see `layout`.
`s:DIGEST`, a string a caller: harassment score, 0..100; expires.
`roaming`, a set: digests of subscribers who are abroad.
`f:DIGEST`, a list a callee and holder: epoch seconds of forwarded calls, the last of them; expires with the longest
limit. The digest is of both, so nothing tells which holders call one callee.
`l:DIGEST`, a string a callee: whose marketing call reached it last; expires. Only where a service number asks for it.
`r:{DIGEST}:BUCKET`, a counter a caller and window: attempts; expires after three windows. The braces keep a caller's
windows on one server of a cluster.
"""

from __future__ import annotations

from binascii import b2a_base64
from collections.abc import Callable, Iterable, Sequence
from hashlib import blake2s

from ringfence.lookups.layout import Generation, key_id

_URL_SAFE = bytes.maketrans(b"+/", b"-_")
_DIGEST_BYTES = 12  # 96 bits: two of 10 million numbers collide with a chance of 1 in 10**15


class Keys:
    """Names of keys under one prefix and digest key (32 bytes).

    others: digest keys that a generation of the index may still, or already, be made with.
    changed: gives all of them anew, the present one first, when they were changed since it was asked last, else None.
    pointer, fresh, lock: keys of the index as a whole.
    """

    __slots__ = ("_changed", "_digest_key", "_known", "_last", "_last_digest", "_prefix", "fresh", "lock", "pointer")

    def __init__(
        self,
        prefix: str,
        digest_key: bytes,
        others: Iterable[bytes] = (),
        changed: Callable[[], Sequence[bytes] | None] = lambda: None,
    ) -> None:
        self._prefix = prefix.encode()
        self._changed = changed
        self._adopt((digest_key, *others))
        self.pointer = b"%b{x}:current" % self._prefix
        self.fresh = b"%b{x}:fresh" % self._prefix
        self.lock = b"%b{x}:lock" % self._prefix

    def _adopt(self, keys: Sequence[bytes]) -> None:
        self._digest_key = keys[0]
        self._known = {key_id(key): key for key in keys}
        self._last: str | None = None
        self._last_digest = b""

    def renew(self) -> None:
        """Work with the keys of now: asked beside the calls, four times a second, and before an index is built."""
        keys = self._changed()
        if keys is not None:
            self._adopt(keys)

    def digest(self, number: str) -> bytes:
        """16 characters for a number in its comparable form (`Number.value`)."""
        # Score and rate are asked for one after the other, about one and the same text.
        if number is not self._last:
            raw = blake2s(number.encode(), key=self._digest_key, digest_size=_DIGEST_BYTES).digest()
            self._last_digest = b2a_base64(raw, newline=False).translate(_URL_SAFE)
            self._last = number
        return self._last_digest

    def score(self, digest: bytes) -> bytes:
        """Key of a caller's score."""
        return b"%bs:%b" % (self._prefix, digest)

    def last_caller(self, digest: bytes) -> bytes:
        """Key of the holder whose marketing call reached a callee last."""
        return b"%bl:%b" % (self._prefix, digest)

    def roaming(self) -> bytes:
        """Key of the set of subscribers who are abroad."""
        return b"%broaming" % self._prefix

    def attempts(self, digest: bytes, bucket: int) -> bytes:
        """Key of a caller's attempts in one window."""
        return b"%br:{%b}:%d" % (self._prefix, digest, bucket)

    def callee_calls(self, digest: bytes) -> bytes:
        """Key of a holder's forwarded calls to a callee."""
        return b"%bf:%b" % (self._prefix, digest)

    def new_generation(self, name: str, bits: int) -> Generation:
        """A generation under the digest key of now."""
        return Generation(self._prefix, name, bits, self._digest_key)

    def generation(self, text: str) -> Generation | None:
        """The generation that `str` wrote, None when its digest key is not known here or it is none."""
        name, _, rest = text.partition(":")
        bits, _, key = rest.partition(":")
        if key not in self._known or not bits.isdecimal() or len(bits) > 2:
            return None
        return Generation(self._prefix, name, int(bits), self._known[key])
