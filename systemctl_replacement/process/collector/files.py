"""The journals of what was received: one file for each unit, and one for what belongs to none."""

from __future__ import annotations

import os

from systemctl_replacement.journal import record
from systemctl_replacement.journal.names import SUFFIX, file_name, parse_name
from systemctl_replacement.journal.writer import Writer
from systemctl_replacement.process.collector.units import monotonic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

OTHER = ""
"""The name of no unit."""
_OTHER_FILE = f"other{SUFFIX}"  # no unit has a name without a type
_OPEN_MAX = 64
_SPACE_USEC = 5_000_000
_SIZE_MAX = 256 * 1024


class _File:
    """A file that is open, and what is to be added to it."""

    __slots__ = ("lines", "number", "writer")

    def __init__(self, writer: Writer | None) -> None:
        self.writer = writer
        self.number = 0
        self.lines: list[str] = []


class Files:
    """Takes records, and writes those of a turn together. Without a directory nothing is stored."""

    def __init__(self, directory: str) -> None:
        self.directory = directory
        self._limits: dict[str, int | None] = {}
        self.fields: dict[str, record.Value] = {}  # of a record about records that were lost
        self.size = 0  # of what waits
        self._waiting: list[tuple[str, str, bool, bool]] = []
        self._open: dict[str, _File] = {}
        self._space = 0
        self._space_known = -_SPACE_USEC

    def configure(self, order: dict[str, Any]) -> None:
        """Take the limits, and the fields of our own records."""
        self.fields = {"_BOOT_ID": order["boot"]} if "boot" in order else {}
        if order.get("limits", {}) != self._limits:
            self._limits = order["limits"]
            for file in self._open.values():
                if file.writer:
                    file.writer.limit(self._limits)

    @property
    def is_full(self) -> bool:
        """Whether so much waits that it should be written."""
        return self.size > _SIZE_MAX

    def add(self, unit: str, text: str, shown: bool, kept: bool = True) -> None:
        """Add a record to a unit's file: everything but number and time. shown: it goes to the console, too. One that
        is not kept goes there alone, and its number is 0."""
        self._waiting.append((unit, text, shown, kept))
        self.size += len(text)

    def flush(self) -> list[bytes]:
        """Write what waits. Returns the records for the console."""
        if not self._waiting:
            return []
        realtime, monotonic_time = record.stamp()
        stamps = f'","__REALTIME_TIMESTAMP":"{realtime}","__MONOTONIC_TIMESTAMP":"{monotonic_time}"'
        mark = record.NUMBER
        touched: list[_File] = []
        shown: list[bytes] = []
        for unit, text, is_shown, is_kept in self._waiting:
            if not is_kept:
                shown.append(f"{mark}0{stamps}{text}}}\n".encode())
                continue
            file = self._open.get(unit) or self._open_file(unit)
            if not file.lines:
                touched.append(file)
                file.number = file.writer.next_number if file.writer else 0
            line = f"{mark}{file.number}{stamps}{text}}}\n"
            file.lines.append(line)
            file.number += 1
            if is_shown:
                shown.append(line.encode())
        self._waiting.clear()
        self.size = 0
        for file in touched:
            if file.writer:
                file.writer.write_lines("".join(file.lines).encode(), len(file.lines))
            file.lines.clear()
        if len(self._open) > _OPEN_MAX:
            # What could not be written is still to be told, and such a file is closed.
            others = [unit for unit, file in self._open.items() if not (file.writer and file.writer.dropped)]
            for unit in others[: max(len(others) - _OPEN_MAX, 0)]:
                self._close(unit)
        return shown

    def space(self) -> int:
        """About how many bytes may still be written, as far as it is known at once."""
        now = monotonic()
        if now - self._space_known > _SPACE_USEC:
            self._space_known = now
            try:
                status = os.statvfs(self.directory)
                self._space = status.f_bavail * status.f_frsize
            except OSError:
                self._space = 0
        return min(self._space, self._limits.get("max_use") or self._space)

    def rotate(self) -> None:
        """Have each file begin anew."""
        rotated = set()
        for file in self._open.values():
            if file.writer:
                file.writer.rotate()
                rotated.add(os.path.basename(file.writer.path))
        try:
            names = os.listdir(self.directory) if self.directory else []
        except OSError:
            names = []
        for name in names:
            said = parse_name(name)
            if said is not None and said[0] == name and name not in rotated:
                writer = Writer(f"{self.directory}/{name}", self._limits)
                writer.rotate()
                writer.close()

    def move(self, directory: str) -> None:
        """Write what waits, and go on in files of another directory."""
        self.flush()
        self.directory = directory
        for unit, file in list(self._open.items()):
            if file.writer and directory:
                file.writer.move(f"{directory}/{_name(unit)}", self._limits)
            else:
                self._close(unit)

    def close(self) -> None:
        """Write what waits, and close all files."""
        self.flush()
        for unit in list(self._open):
            self._close(unit)

    def _open_file(self, unit: str) -> _File:
        writer = None
        if self.directory:
            fields = {**self.fields, "_SYSTEMD_UNIT": unit} if unit else self.fields
            writer = Writer(f"{self.directory}/{_name(unit)}", self._limits, fields=fields)
        file = self._open[unit] = _File(writer)
        return file

    def _close(self, unit: str) -> None:
        file = self._open.pop(unit)
        if file.writer:
            file.writer.finish()


def _name(unit: str) -> str:
    return file_name(unit) if unit else _OTHER_FILE
