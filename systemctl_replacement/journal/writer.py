"""The one writer of a journal file: it appends whole lines, rotates by size, and never raises.

A full disk must not stop a service or the manager. What cannot be written is counted, and the count is written when
there is room again. Supervisors import this.
"""

from __future__ import annotations

import os
import time

from systemctl_replacement.journal import record, vacuum
from systemctl_replacement.journal.names import SUFFIX, archive_name, open_file, parse_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Optional

_FLAGS = os.O_RDWR | os.O_APPEND | os.O_CREAT
_MODE = 0o640
_TAIL = 64 * 1024
_HEAD = 128
_KEPT = 4
"""How many archives a writer keeps that makes no room."""
_MOST = 2**64 - 1


class Writer:
    """Appends records to `path`. A file that is full, or as old as files may be, becomes an archive (as it does on
    `rotate()`), and a new one begins with the next record.

    limits: what `vacuum.Limits` takes.
    makes_room: whether to remove other files to keep to the limits. That takes time, which a manager does not have: it
    keeps the newest archives of its own file, and leaves the rest to others.
    fields: the fields of this writer's own records.
    """

    __slots__ = (
        "_begun",
        "_error",
        "_expires",
        "_fd",
        "_fields",
        "_first",
        "_grown_at",
        "_limits",
        "_makes_room",
        "_number",
        "_partial",
        "_resumed",
        "_size",
        "dropped",
        "path",
    )

    def __init__(
        self,
        path: str,
        limits: Mapping[str, Optional[int]] | None = None,
        *,
        makes_room: bool = True,
        fields: Mapping[str, record.Value] | None = None,
    ) -> None:
        self.path = path
        self.dropped = 0
        """How many records were lost since the last one that was written."""
        self._limits = vacuum.Limits(limits or {})
        self._makes_room = makes_room
        self._grown_at = 0  # beyond this size the limits must be checked
        self._begun = False
        self._first = 0, 0  # number and realtime (usec) of the file's first record
        self._expires = 0  # realtime (nsec) at which the file is old, 0 for never
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
        lost_before = bool(self.dropped)
        if lost_before:
            lines = self._loss_record(last - count) + lines
        try:
            self._open_for(len(lines))
            self._append(b"\n" + lines if self._partial else lines)
        except OSError as error:
            self.dropped += count
            self._error = error.strerror or str(error)
            last -= lost_before  # the record of the loss is still to come, and counts once
            self.close()
        else:
            self.dropped = 0
        self._number = last

    def limit(self, limits: Mapping[str, Optional[int]]) -> None:
        """Keep to other limits from the next record on."""
        self._limits = vacuum.Limits(limits)
        self._grown_at = 0
        self._expires = self._expiry()

    def move(self, path: str, limits: Mapping[str, Optional[int]]) -> None:
        """Go on in another file, whose numbers are its own. What was lost is told there."""
        self.finish()
        self.path = path
        self._begun = self._resumed = False
        self._number = 0
        self.limit(limits)

    def rotate(self) -> None:
        """Make an archive of the file. A new one begins with the next record."""
        try:
            if self._fd < 0 and os.access(self.path, os.F_OK):
                self._open()
            if self._fd >= 0 and self._size:
                self._archive()
        except OSError:
            pass  # the file stays; what the next record meets is counted there
        self.close()

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
        if self._expires and time.time_ns() >= self._expires:
            self._archive()
            self._open()
        if self._size + size > self._grown_at:
            self._grow(size)

    def _grow(self, size: int) -> None:
        """Handle growth past a size at which the file may be full, or others may have to make room for it."""
        if self._size and self._size + size > self._file_limit():
            self._archive()
            self._open()
        self._make_room()
        step = ((self._size + size) // vacuum.FILE_MIN + 1) * vacuum.FILE_MIN
        self._grown_at = min(step, self._file_limit())

    def _archive(self) -> None:
        """Give the file the name of an archive, and close it."""
        number, realtime = self._first
        if not realtime:
            number, realtime = self._number, time.time_ns() // 1000  # it begins with something else
        archive = archive_name(self.path, min(number, _MOST), min(realtime, _MOST))
        while os.access(archive, os.F_OK):
            realtime += 1
            archive = archive_name(self.path, min(number, _MOST), realtime)
        try:
            os.rename(self.path, archive)
        except FileNotFoundError:
            pass  # removed, to make room
        self.close()
        if not self._makes_room:
            vacuum.keep_newest(*os.path.split(self.path), _KEPT)

    def _make_room(self) -> None:
        if self._makes_room:
            directory, name = os.path.split(self.path)
            vacuum.make_room(directory, self._limits, self._limits.total(self._fd), name)

    def _file_limit(self) -> int:
        return self._limits.file(self._limits.total(self._fd))

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
        self._first = record.place(os.pread(self._fd, _HEAD, 0)) if self._size else (0, 0)
        self._expires = self._expiry()
        # The last writer may have been killed in the middle of a line, or have run out of space.
        self._partial = self._size > 0 and os.pread(self._fd, 1, self._size - 1) != b"\n"
        if not self._resumed:
            self._resumed = True
            self._number += self._number_to_resume()

    def _number_to_resume(self) -> int:
        if self._size:
            return last_number(self._fd, self._size)
        # The file was rotated, and there has been no record since.
        directory, live = os.path.split(self.path)
        latest, number = "", -1
        for name in os.listdir(directory):
            if name.startswith(live[: -len(SUFFIX)]):
                said = parse_name(name)
                if said is not None and said[0] == live and said[1] > number:
                    latest, number = name, said[1]
        if not latest:
            return 0
        try:
            fd = open_file(f"{directory}/{latest}", os.O_RDONLY)
        except OSError:
            return max(number, 0)
        try:
            return max(last_number(fd, os.fstat(fd).st_size), number)
        finally:
            os.close(fd)

    def _expiry(self) -> int:
        age = self._limits.max_file_age
        return 1000 * (self._first[1] + age) if age and self._first[1] else 0

    def _append(self, data: bytes) -> None:
        if not self._size:
            self._first = record.place(data)
            self._expires = self._expiry()
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
