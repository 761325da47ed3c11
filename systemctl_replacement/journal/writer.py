"""The one writer of a journal file: it appends whole lines, rotates by size, and never raises.

A full disk must not stop a service or the manager. What cannot be written is counted, and the count is written when
there is room again. Supervisors import this.
"""

from __future__ import annotations

import os

from systemctl_replacement.journal import record, vacuum
from systemctl_replacement.journal.names import ROTATED, open_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_FLAGS = os.O_RDWR | os.O_APPEND | os.O_CREAT
_MODE = 0o640
_TAIL = 64 * 1024


class Writer:
    """Appends records to `path`. At its size limit the file becomes `<path>.1`, and a new one begins.

    total: how many bytes all journals of the directory may take, 0 for a share of the file system. The limit of one
    file is a part of it.
    makes_room: whether to remove other files to keep to the total. That takes time, which a manager does not have.
    fields: the fields of this writer's own records.
    """

    __slots__ = (
        "_begun",
        "_error",
        "_fd",
        "_fields",
        "_grown_at",
        "_makes_room",
        "_number",
        "_partial",
        "_resumed",
        "_size",
        "_total",
        "dropped",
        "path",
    )

    def __init__(
        self,
        path: str,
        total: int = 0,
        *,
        makes_room: bool = True,
        fields: Mapping[str, record.Value] | None = None,
    ) -> None:
        self.path = path
        self.dropped = 0
        """How many records were lost since the last one that was written."""
        self._total = total
        self._makes_room = makes_room
        self._grown_at = 0  # beyond this size the limits must be checked
        self._begun = False
        self._fields = fields or {}
        self._error = ""
        self._fd = -1
        self._size = 0
        self._number = 0  # of the last record
        self._resumed = False  # whether numbering has continued from what the file has
        self._partial = False

    @property
    def next_number(self) -> int:
        """The sequence number of the next record. Numbers go up by one, also over rotations; a gap is a lost record."""
        if self._fd < 0:
            try:
                self._open()
            except OSError:
                pass  # writing the record fails in the same way, and is counted there
        return self._number + 1 + bool(self.dropped)

    def write(self, fields: Mapping[str, record.Value], when: tuple[int, int] | None = None) -> None:
        """Append one record with the present time, unless `when` is given."""
        self.write_lines(record.encode(fields, when, self.next_number), 1)

    def write_lines(self, lines: bytes, count: int) -> None:
        """Append `count` records that are already encoded, numbered from `next_number`."""
        last = self.next_number + count - 1
        if self.dropped:
            lines = self._loss_record(last - count) + lines
        try:
            self._open_for(len(lines))
            self._append(b"\n" + lines if self._partial else lines)
        except OSError as error:
            self.dropped += count
            self._error = error.strerror or str(error)
            self.close()
        else:
            self.dropped = 0
        self._number = last

    def finish(self) -> None:
        """Close the file for good. If it is a new one, others may have to make room for it."""
        if self._fd >= 0 and self._begun:
            try:
                self._make_room()
            except OSError:
                pass  # the size of the file system is unknown; the next writer will meet this too
        self.close()

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _open_for(self, size: int) -> None:
        if self._fd >= 0 and not os.fstat(self._fd).st_nlink:
            self.close()  # removed, to make room for others
        if self._fd < 0:
            self._open()
        if self._size + size > self._grown_at:
            self._grow(size)

    def _grow(self, size: int) -> None:
        """Handle growth past a size at which the file may be full, or others may have to make room for it."""
        if self._size and self._size + size > vacuum.file_limit(self._whole()):
            self.close()
            os.rename(self.path, self.path + ROTATED)
            self._open()
        self._make_room()
        step = ((self._size + size) // vacuum.FILE_MIN + 1) * vacuum.FILE_MIN
        self._grown_at = min(step, vacuum.file_limit(self._whole()))

    def _make_room(self) -> None:
        if not self._makes_room:
            return
        directory, _, name = self.path.rpartition("/")
        vacuum.make_room(directory, self._whole(), name)

    def _whole(self) -> int:
        return self._total or vacuum.total_limit(self._fd)

    def _open(self) -> None:
        try:
            self._fd = open_file(self.path, _FLAGS, _MODE)
        except FileNotFoundError:
            os.makedirs(os.path.dirname(self.path), 0o755, exist_ok=True)
            self._fd = open_file(self.path, _FLAGS, _MODE)
        vacuum.mark_written(self._fd)
        self._size = os.fstat(self._fd).st_size
        self._grown_at = vacuum.FILE_MIN
        self._begun |= not self._size
        # The last writer may have been killed in the middle of a line, or have run out of space.
        self._partial = self._size > 0 and os.pread(self._fd, 1, self._size - 1) != b"\n"
        if not self._resumed:
            self._resumed = True
            self._number += self._number_to_resume()

    def _number_to_resume(self) -> int:
        if self._size:
            return last_number(self._fd, self._size)
        # The last writer may have been killed between a rotation and the first record after it.
        if not os.access(self.path + ROTATED, os.F_OK):
            return 0
        try:
            fd = open_file(self.path + ROTATED, os.O_RDONLY)
        except OSError:
            return 0
        try:
            return last_number(fd, os.fstat(fd).st_size)
        finally:
            os.close(fd)

    def _append(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            written = os.write(self._fd, view)
            self._size += written
            view = view[written:]
            self._partial = bool(view)

    def _loss_record(self, number: int) -> bytes:
        text = f"{self.dropped} messages could not be written: {self._error}"
        fields = {**self._fields, "PRIORITY": "4", "SYSLOG_IDENTIFIER": "systemd", "MESSAGE": text}
        return record.encode(fields, number=number)


def last_number(fd: int, size: int) -> int:
    """The sequence number of the last record in an open file of this size, 0 without any.

    A file that is larger than any journal is not searched to its beginning.
    """
    span = _TAIL
    mark = b"\n" + record.NUMBER.encode()
    while True:
        start = max(size - span, 0)
        # Put a newline in front even at the beginning of the file, because a number only counts where a line begins.
        lines = (b"\n" if start == 0 else b"") + os.pread(fd, size - start, start)
        at = len(lines)
        while (at := lines.rfind(mark, 0, at)) >= 0:
            digits, quote, _ = lines[at + len(mark) : at + 40].partition(b'"')
            if quote and digits.isdigit():
                return int(digits)
        if start == 0 or span > vacuum.FILE_MAX:
            return 0
        span *= 8
