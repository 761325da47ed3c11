"""One journal file, opened for reading: its first and last record, and finding a place in it without reading all.

In a file the records of a boot stand together, in the order of the monotonic clock. Where somebody has put
other things, places are found somewhere.
"""

from __future__ import annotations

import errno
import os

from systemctl_replacement.journal.entry import head_of
from systemctl_replacement.journal.lines import end_of_lines, line_from, next_object, pick_backwards
from systemctl_replacement.journal.names import open_file
from systemctl_replacement.journal.record import RECORD_MAX
from systemctl_replacement.journal.search import all_lines

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from systemctl_replacement.journal.entry import Head

_GARBAGE_MAX = 1000
"""So many lines that look like records, and are none, are passed over when a place is looked for."""
_FEW = 64
"""So many files can be open without looking at the limit, and so many descriptors are for something else."""
SIZE_MAX = 4 * 1024 * 1024 * 1024
"""No journal is larger. Of what is, only the end is read."""


class JournalFile:
    """A file as it is when it is opened: `size` is where its last whole line ends. OSError."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.fd = open_journal(path)
        try:
            self._measure()
        except OSError:
            os.close(self.fd)
            raise

    def _measure(self) -> None:
        status = os.fstat(self.fd)
        self.inode = (status.st_dev, status.st_ino)
        self.taken = status.st_blocks * 512
        self.size = end_of_lines(self.fd, status.st_size) if self.taken or status.st_size < RECORD_MAX else 0
        self.start = 0
        if self.size > SIZE_MAX:
            found = line_from(self.fd, self.size - SIZE_MAX, self.size)
            self.start = found[0] if found else self.size

    def close(self) -> None:
        os.close(self.fd)

    def first(self) -> Head | None:
        found = self.record_from(self.start, self.size)
        return found[2] if found else None

    def last(self, end: int = 0) -> Head | None:
        """The last record, or the last one before an offset."""
        for lines in pick_backwards(self.fd, self.start, end or self.size, _objects):
            for line in lines if isinstance(lines, list) else ():
                head = head_of(line)
                if head is not None:
                    return head
        return None

    def record_from(self, position: int, end: int) -> tuple[int, int, Head] | None:
        """The first record that begins at an offset or behind it, before another one: (begin, end, head)."""
        at = position
        limit = min(end, position + RECORD_MAX)
        for _ in range(_GARBAGE_MAX):
            found = line_from(self.fd, at, self.size) if at < limit else None
            if found is None or found[0] >= end:
                return None
            begin, line = found
            head = head_of(line)
            if head is not None:
                return begin, begin + len(line) + 1, head
            at = next_object(self.fd, begin + len(line) + 1, limit)
        return None

    def find(self, start: int, end: int, is_before: Callable[[Head], bool]) -> int:
        """The offset of the first record between two offsets that is not before what is looked for; `end` if all are.
        A line begins at `start`."""
        best = end
        while start < end:
            middle = (start + end) // 2
            found = self.record_from(middle, end)
            if found is None:
                end = middle
            elif is_before(found[2]):
                start = found[1]
            else:
                best, end = found[0], middle
        return best

    def boots(self) -> Iterator[tuple[bytes, int, int]]:
        """The boots that have records here: (id, where they begin, where they end)."""
        start = self.start
        last = self.last()
        while start < self.size:
            found = self.record_from(start, self.size)
            if found is None:
                return
            boot = found[2][3]
            end = self.size
            if last is None or last[3] != boot:
                end = self.find(found[1], self.size, lambda head, boot=boot: head[3] == boot)  # type: ignore[misc]
            yield boot, start, end
            start = end


def _objects(data: bytes, start: int, end: int) -> list[bytes]:
    return all_lines(data, start, end) if data.find(b"{", start, end) >= 0 else []


class NoRoom(Exception):
    """There are more journals than we may have descriptors. (No OSError: nobody shall go on without some of them.)"""


def open_journal(path: str) -> int:
    """Open a journal for reading. OSError, NoRoom."""
    return with_room(lambda: open_file(path, os.O_RDONLY))


def with_room(opens: Callable[[], int]) -> int:
    """Open something. OSError, NoRoom."""
    try:
        return opens()
    except OSError as error:
        if error.errno not in (errno.EMFILE, errno.ENFILE):
            raise
        raise NoRoom(f"Failed to open the journal: {error.strerror}") from None


def make_room(count: int) -> None:
    """Make sure that so many journals can be open at once, before the first one is. NoRoom."""
    if count <= _FEW:
        return
    import resource  # a shared library: without descriptors it could not be loaded any more

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < count + _FEW:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        except (OSError, ValueError):
            hard = soft  # the kernel refuses more than fs.nr_open
        if hard != resource.RLIM_INFINITY and hard < count + _FEW:
            raise NoRoom(f"Failed to open the journal: {count} files are more than RLIMIT_NOFILE={hard} allows.")
