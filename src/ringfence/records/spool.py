"""The spool: segments of chained blocks, one write a loop turn, fsync by a thread, and a buffer while the disk refuses.

The loop's thread builds and writes; the syncing thread only makes durable what was written, and seals what was left.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import structlog

from ringfence.records.disk import Disk
from ringfence.records.errors import RecordsError
from ringfence.records.framing import BLOCK, LENGTH, NOTHING, OPEN, SEAL, SEALED, block, name_of, start
from ringfence.records.recover import Found, recover
from ringfence.records.schema import VERSION
from ringfence.records.settings import RecordsSettings

DRAIN = 4 * 1024 * 1024  # bytes of backlog written in one go: more would keep calls waiting for over 10 ms
STOP_PATIENCE = 30.0  # seconds for the last fsync
HUNG = 4.0  # seconds without an fsync coming back before health says so: within 5 s of the first
_LENGTH_OF = LENGTH.pack
_log = structlog.get_logger(__name__)


class Segment:
    """One file. offset: bytes written; synced: of these, safe from a power cut. unsynced: writes since then."""

    __slots__ = ("descriptor", "first", "link", "named", "next", "offset", "opened", "path", "synced", "unsynced")

    def __init__(self, path: Path, first: int, link: bytes, opened: float) -> None:
        self.path = path
        self.first = first
        self.next = first
        self.link = link
        self.opened = opened
        self.descriptor = -1
        self.offset = 0
        self.synced = 0
        self.named = False
        self.unsynced: deque[tuple[int, bytes]] = deque()


class Spool:
    """Records of one process in one folder.

    first: sequence number of its very first record.
    full: the buffer has no room; what is appended now is lost, and counted.
    on_full: told whenever that changes.
    """

    def __init__(
        self,
        folder: Path,
        settings: RecordsSettings,
        node: str,
        disk: type[Disk] = Disk,
        clock: Callable[[], float] = time.time,
        first: int = 1,
    ) -> None:
        self.folder = folder
        self.full = False
        self._settings = settings
        self._node = node
        self._disk = disk
        self._clock = clock
        self._lock = -1
        self._segment: Segment | None = None
        self._retired: deque[Segment] = deque()
        self._backlog: deque[bytes] = deque()
        self._backlog_bytes = 0
        self._next = first
        self._link = NOTHING
        self._failure: str | None = None
        self._sync_failure: str | None = None
        self._sync_began = 0.0
        self._missing = 0
        self._syncer: threading.Thread | None = None
        self._stop = threading.Event()
        self._written = self._bytes = self._write_errors = self._sync_errors = self._lost = 0
        self._syncs = self._sealed = self._repaired = 0
        self._sync_seconds = self._sync_longest = self._last_sealed = 0.0

    # -- opening and closing ----------------------------------------------------------------------------------

    def open(self) -> None:
        """Mend what the last writer left, begin a segment. Raises RecordsError: no folder, another writer.

        A disk that is full is no reason not to begin: the buffer is there for that.
        """
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._unlock()
            raise RecordsError(f"{self.folder}: another process writes records there: is ringfence running?") from None
        except OSError as error:
            raise RecordsError(f"{self.folder}: no place for records: {error.strerror}") from None
        try:
            found = recover(self.folder)
        except RecordsError:
            self._unlock()
            raise
        self._next, self._link = max(found.next, self._next), found.link
        self._repaired = found.repaired_bytes
        self._take_over(found)
        self._begin()
        self._syncer = threading.Thread(target=self._keep_durable, name="records", daemon=True)
        self._syncer.start()

    def _take_over(self, found: Found) -> None:
        for left in found.unsealed:
            segment = Segment(left.path, left.first, left.link, 0.0)
            segment.next = left.next
            segment.descriptor = self._disk.open(left.path, os.O_WRONLY | os.O_CLOEXEC, 0o600)
            segment.offset = left.end
            segment.named = True
            self._retired.append(segment)
        for text in found.notes:
            _log.warning("records were mended", what=text)

    def close(self) -> None:
        """Write what is left, seal, stop the thread. What the disk does not take now is lost, and logged."""
        if self._syncer is None:
            return
        self.tick(everything=True)
        segment = self._segment
        if segment is not None and not self._backlog:
            self._retired.append(segment)
            self._segment = None  # else it stays open: the next start mends and seals it
        self._stop.set()
        self._syncer.join(STOP_PATIENCE)
        self._syncer = self._segment = None
        if self._backlog:
            _log.error("records were lost at the end", bytes=self._backlog_bytes, why=self._failure)
        self._unlock()

    def _unlock(self) -> None:
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    # -- writing ----------------------------------------------------------------------------------------------

    @property
    def next_sequence(self) -> int:
        """The sequence number of the first record of the next `append`."""
        return self._next

    def append(self, bodies: list[bytes], wall: int, monotonic: int) -> None:
        """One block of records, handed to the kernel now unless the disk refuses. wall, monotonic: microseconds."""
        count = len(bodies)
        first = self._next
        self._next = first + count
        if self.full:
            self._lost += count
            self._missing += count
            return
        if self._missing:
            bodies = [*bodies, b"N\n%d\nlost\n%d records were lost: the buffer was full" % (wall, self._missing)]
            count += 1
            self._next += 1
            self._missing = 0
        if len(bodies) == 1:
            records = _LENGTH_OF(len(bodies[0])) + bodies[0]
        else:
            records = b"".join([part for body in bodies for part in (_LENGTH_OF(len(body)), body)])
        data, self._link = block(BLOCK, records, first, wall, monotonic, self._link)
        self._written += count
        self._bytes += len(data)
        segment = self._segment
        assert segment is not None  # between open and close there is one
        if self._backlog:
            self._buffer(data)
        else:
            self._write(segment, data)
        segment.link = self._link
        segment.next = self._next
        if self._backlog and self._failure is None:
            self._drain(segment, DRAIN)  # the disk took a part only: why, and is the rest to be had?

    def _write(self, segment: Segment, data: bytes) -> bool:
        """Hand bytes to the kernel at the segment's end; what it does not take goes to the front of the backlog."""
        try:
            if segment.descriptor < 0:
                segment.descriptor = self._disk.open(
                    segment.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600
                )
            taken = self._disk.write(segment.descriptor, data, segment.offset)
        except OSError as error:
            self._write_errors += 1
            self._fails(error)
            self._buffer(data, front=True)
            return False
        if taken < len(data):
            self._buffer(data[taken:], front=True)
            data = data[:taken]
        unsynced = segment.unsynced
        unsynced.append((segment.offset, data))
        segment.offset += taken
        if segment.offset - segment.synced > self._settings.buffer_bytes and unsynced:
            unsynced.popleft()  # the disk hangs; the kernel still has it
        return True

    def _buffer(self, data: bytes, front: bool = False) -> None:
        if front:
            self._backlog.appendleft(data)
        else:
            self._backlog.append(data)
        self._backlog_bytes += len(data)
        self.full = self._backlog_bytes >= self._settings.buffer_bytes

    def _fails(self, error: OSError) -> None:
        if self._failure is None:
            _log.error("records cannot be written; they are kept in memory", why=error.strerror)
        self._failure = error.strerror or "unknown error"

    def tick(self, everything: bool = False) -> None:
        """Write of the backlog what the disk takes, and begin a new segment when it is time; several times a second."""
        segment = self._segment
        if segment is None:
            return
        self._drain(segment, self._backlog_bytes if everything else DRAIN)
        if not self._backlog and not everything:
            self._roll_if_due(segment)

    def _drain(self, segment: Segment, left: int) -> None:
        while self._backlog and left > 0:
            data = self._backlog.popleft()
            self._backlog_bytes -= len(data)
            left -= len(data)
            if not self._write(segment, data):
                break
        else:
            if not self._backlog and self._failure is not None:
                _log.info("records are written again")
                self._failure = None
        self.full = self._backlog_bytes >= self._settings.buffer_bytes

    def _roll_if_due(self, segment: Segment) -> None:
        now = self._clock()
        age = self._settings.segment
        # Segments end with the hour of the clock (or its part, or the day), so that they are found by time.
        due = int(now // age) != int(segment.opened // age) or segment.offset >= self._settings.segment_bytes
        if due and segment.next > segment.first:
            self._retired.append(segment)
            self._begin()

    def _begin(self) -> None:
        """A new segment; its header goes the way of all blocks."""
        now = self._clock()
        header, link = start(self._node, VERSION, self._next, self._link, int(now * 1e6))
        segment = Segment(self.folder / name_of(self._next, OPEN), self._next, link, now)
        self._segment = segment
        self._link = link
        if self._backlog:
            self._buffer(header)
        else:
            self._write(segment, header)

    # -- durability -------------------------------------------------------------------------------------------

    def _keep_durable(self) -> None:
        """The syncing thread."""
        while not self._stop.wait(self._settings.fsync):
            self._sync_all()
        self._sync_all()

    def _sync_all(self) -> None:
        try:
            for _ in range(len(self._retired)):
                segment = self._retired.popleft()
                if not self._seal(segment):
                    self._retired.append(segment)
            segment_now = self._segment
            if segment_now is not None:
                self._sync(segment_now)
        except Exception:
            # Our own bug must not end the only thread that makes records durable.
            _log.exception("syncing records failed")

    def _sync(self, segment: Segment) -> bool:
        """Make durable what is written of a segment. False: it could not be."""
        mark = segment.offset
        if mark == segment.synced or segment.descriptor < 0:
            return segment.descriptor >= 0
        began = time.monotonic()
        self._sync_began = began
        try:
            self._disk.sync(segment.descriptor)
            if not segment.named:
                self._sync_folder()
                segment.named = True
        except OSError as error:
            self._not_durable(segment, mark, error)
            return False
        finally:
            self._sync_began = 0.0
        self._sync_failure = None
        took = time.monotonic() - began
        self._syncs += 1
        self._sync_seconds += took
        self._sync_longest = max(self._sync_longest, took)
        segment.synced = mark
        unsynced = segment.unsynced
        while unsynced and unsynced[0][0] < mark:
            unsynced.popleft()
        return True

    def _not_durable(self, segment: Segment, mark: int, error: OSError) -> None:
        """A kernel that failed an fsync forgets what it had not written: hand it over once more."""
        self._sync_errors += 1
        if self._sync_failure is None:
            _log.error("records cannot be made durable", why=error.strerror)
        self._sync_failure = error.strerror or "unknown error"
        try:
            for place in range(len(segment.unsynced)):
                offset, data = segment.unsynced[place]
                if offset >= mark:
                    break
                self._disk.write(segment.descriptor, data, offset)
        except OSError:
            pass  # the next round tries again; the failure is already told

    def _seal(self, segment: Segment) -> bool:
        """End a segment for good. False: not now."""
        if segment.next == segment.first:
            segment.path.unlink(missing_ok=True)  # a header alone tells nothing
        else:
            data, _ = block(SEAL, b"", segment.next, int(self._clock() * 1e6), 0, segment.link)
            try:
                self._disk.write(segment.descriptor, data, segment.offset)
                self._disk.sync(segment.descriptor)
                segment.path.rename(segment.path.with_suffix(SEALED))
                self._sync_folder()
            except OSError as error:
                self._not_durable(segment, segment.offset, error)
                return False
            self._sealed += 1
            self._last_sealed = self._clock()
        if segment.descriptor >= 0:
            os.close(segment.descriptor)
        return True

    def _sync_folder(self) -> None:
        descriptor = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    # -- telling ----------------------------------------------------------------------------------------------

    def reasons(self) -> list[str]:
        """Why records are not safe at this moment; empty while they are."""
        said = []
        if self.full:
            said.append(f"records cannot be written ({self._failure}) and the buffer is full: records are lost")
        elif self._failure is not None:
            share = 100 * self._backlog_bytes // self._settings.buffer_bytes
            said.append(f"records cannot be written ({self._failure}): they are kept in memory, {share} % of its bound")
        if self._sync_failure is not None:
            said.append(f"records cannot be made durable ({self._sync_failure})")
        began = self._sync_began
        if began and time.monotonic() - began > HUNG:
            said.append("the disk of the records hangs")
        return said

    def stats(self) -> dict[str, Any]:
        """Counters since start and gauges of now."""
        try:
            status = os.statvfs(self.folder)
            free = status.f_bavail * status.f_frsize
        except OSError:
            free = 0
        segment = self._segment
        return {
            "written": self._written,
            "bytes": self._bytes,
            "write_errors": self._write_errors,
            "sync_errors": self._sync_errors,
            "lost": self._lost,
            "repaired_bytes": self._repaired,
            "buffered_bytes": self._backlog_bytes,
            "buffer_limit": self._settings.buffer_bytes,
            "syncs": self._syncs,
            "sync_seconds": self._sync_seconds,
            "sync_longest_seconds": self._sync_longest,
            "sealed": self._sealed,
            "last_sealed": self._last_sealed,
            "unsynced_bytes": 0 if segment is None else segment.offset - segment.synced,
            "free_bytes": free,
            "failing": int(bool(self.reasons())),
        }
