"""Beside each index a filter: one page of it tells that a number or a Call-ID is not in a segment, and no more is read.

A Bloom filter in pages: a digest chooses its page and, in that, HASHES bits. Opening an index takes a dozen reads and
0.1 ms, and of thirty days' segments most hold nothing of one number. A filter may say yes for nothing (one time in
300), never no for something: each page ends with a proof over itself, its place and the number of pages, under the
segment's key. A page that is missing, torn or of another file proves nothing, and the index is asked.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path

SUFFIX = ".filter"
PAGE = 4096  # what a disk reads at once
PROOF = 16  # bytes of a page
BITS = (PAGE - PROOF) * 8
BITS_A_KEY, HASHES = 12, 5

# The 47 bits of a digest, parted: which page, the first bit in it, the step from one bit to the next.
_PAGE_SHIFT, _PAGE_BITS, _STEP_SHIFT, _STEP_BITS = 31, 16, 16, 15


def write(path: Path, digests: array[int], key: bytes) -> None:
    """The filter of some digests (`numbers.Digests`), whole on the disk before it has its name. Raises OSError."""
    count = max(1, -(-len(digests) * BITS_A_KEY // BITS))
    pages = [bytearray(PAGE - PROOF) for _ in range(count)]
    for digest in digests:
        page = pages[_page(digest, count)]
        bit, step = _bits(digest)
        for _ in range(HASHES):
            place = bit % BITS
            page[place >> 3] |= 1 << (place & 7)
            bit += step
    draft = path.with_name(f"{path.name}.{os.getpid()}.draft")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            for number, page in enumerate(pages):
                file.write(page + _proof(page, number, count, key))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def may_hold(path: Path, digests: Sequence[int], key: bytes) -> bool:
    """Whether all digests may be in a segment; also where its filter does not prove anything."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return True
    try:
        count = os.fstat(descriptor).st_size // PAGE
        return all(_in(descriptor, digest, count, key) for digest in digests)
    except OSError:
        return True
    finally:
        os.close(descriptor)


def _in(descriptor: int, digest: int, count: int, key: bytes) -> bool:
    number = _page(digest, count)
    page = os.pread(descriptor, PAGE, number * PAGE)
    bit, step = _bits(digest)
    for _ in range(HASHES):
        place = bit % BITS
        if len(page) < PAGE or not page[place >> 3] >> (place & 7) & 1:
            return page[-PROOF:] != _proof(page[:-PROOF], number, count, key)
        bit += step
    return True


def _page(digest: int, count: int) -> int:
    return (digest >> _PAGE_SHIFT) * count >> _PAGE_BITS


def _bits(digest: int) -> tuple[int, int]:
    """The first bit, and an odd step: it never comes to the same bit again."""
    return digest & (1 << _STEP_SHIFT) - 1, (digest >> _STEP_SHIFT & (1 << _STEP_BITS) - 1) | 1


def _proof(page: bytes | bytearray, number: int, count: int, key: bytes) -> bytes:
    proof = blake2b(page, digest_size=PROOF, key=key, person=b"rf filter page")
    proof.update(number.to_bytes(4, "little") + count.to_bytes(4, "little"))
    return proof.digest()
