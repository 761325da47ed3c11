"""The one writer of a journal file: appends whole lines, rotates by size, and never raises.

A full disk must not stop a service or the manager: what cannot be written is counted, and the count is written once
there is room again. A leaf: supervisors import it.
"""

from __future__ import annotations

import os

from . import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_MAX_BYTES = 16 * 1024 * 1024
_FLAGS = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
_MODE = 0o640


class Writer:
    """Appends records to ``path``; at ``max_bytes`` the file becomes ``<path>.1`` and a new one begins."""

    __slots__ = ("_error", "_fd", "_partial", "_size", "dropped", "max_bytes", "path")

    def __init__(self, path: str, max_bytes: int = DEFAULT_MAX_BYTES) -> None:
        self.path = path
        self.max_bytes = max_bytes
        self.dropped = 0
        """Records lost since the last one that was written."""
        self._error = ""
        self._fd = -1
        self._size = 0
        self._partial = False

    def write(self, fields: Mapping[str, record.Value], when: tuple[int, int] | None = None) -> None:
        """Appends one record, stamped now unless ``when`` is given."""
        self.write_lines(record.encode(fields, when), 1)

    def write_lines(self, lines: bytes, count: int) -> None:
        """Appends ``count`` records that are encoded already."""
        if self.dropped:
            lines = self._loss_record() + lines
        try:
            self._open_for(len(lines))
            self._append(b"\n" + lines if self._partial else lines)
        except OSError as error:
            self.dropped += count
            self._error = error.strerror or str(error)
            self.close()
        else:
            self.dropped = 0

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _open_for(self, size: int) -> None:
        if self._fd >= 0 and self._size and self._size + size > self.max_bytes:
            self.close()
            os.rename(self.path, self.path + ".1")
        if self._fd < 0:
            self._open()

    def _open(self) -> None:
        try:
            self._fd = os.open(self.path, _FLAGS, _MODE)
        except FileNotFoundError:
            os.makedirs(os.path.dirname(self.path), 0o755, exist_ok=True)
            self._fd = os.open(self.path, _FLAGS, _MODE)
        self._size = os.fstat(self._fd).st_size
        # Whoever wrote last may have been killed in the middle of a line, or may have run out of space.
        self._partial = self._size > 0 and os.pread(self._fd, 1, self._size - 1) != b"\n"

    def _append(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            written = os.write(self._fd, view)
            self._size += written
            view = view[written:]
            self._partial = bool(view)

    def _loss_record(self) -> bytes:
        text = f"{self.dropped} messages could not be written: {self._error}"
        return record.encode({"PRIORITY": "4", "SYSLOG_IDENTIFIER": "systemd", "MESSAGE": text})
