"""Reports from a child between fork and exec, through a pipe that the exec closes."""

from __future__ import annotations

import os

from systemctl_replacement import exit_status, wire
from systemctl_replacement.log_levels import LOG_ERR
from systemctl_replacement.message_ids import SPAWN_FAILED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

ABOUT_TO_EXEC = b"X\n"
_NAME_MAX = 8


class Report:
    """The supervisor's end of that pipe."""

    __slots__ = ("_buffer", "_fd", "_path", "executed", "failure", "lines", "pid", "user")

    def __init__(self, pid: int, fd: int, path: str) -> None:
        self.pid = pid
        self.executed = False
        self.failure: dict[str, Any] | None = None
        self.user = (-1, -1)  # uid and gid of User= and Group=, -1 for none
        self.lines: list[tuple[int, str, dict[str, str]]] = []
        self._fd = fd
        self._path = path
        self._buffer = b""

    def read(self) -> bool:
        """Read what the child has written. Returns whether the pipe is closed (by the exec, unless it failed)."""
        while True:
            try:
                data = os.read(self._fd, 4096)
            except BlockingIOError:
                return False
            *lines, self._buffer = (self._buffer + data).split(b"\n")
            for line in lines:
                self._take(line)
            if not data:
                return True

    @property
    def origin(self) -> dict[str, str]:
        """The child as the source of log lines: it bears a part of the program's name until it is the program."""
        name = f"({self._path.rpartition('/')[2][-_NAME_MAX:]})"
        return {"SYSLOG_IDENTIFIER": name, "_PID": str(self.pid), "_COMM": name}

    def take_lines(self) -> list[tuple[int, str, dict[str, str]]]:
        """What is to be logged since the last call: priority, text, fields of the record."""
        lines, self.lines = self.lines, []
        return lines

    def _take(self, line: bytes) -> None:
        if line + b"\n" == ABOUT_TO_EXEC:
            self.executed = True
            return
        told = wire.loads(line)
        if "user" in told:
            self.user = told["user"]
            return
        if "warning" in told:
            self.lines.append((told["priority"], told["warning"], told.get("fields", {})))
            return
        step = exit_status.name(told["status"]) or str(told["status"])
        reason = os.strerror(told["errno"])
        told["step"] = step
        told["summary"] = f"Failed at step {step} spawning {self._path}: {reason}"
        self.failure = told
        number = {"ERRNO": str(told["errno"])}
        said = told.pop("level", LOG_ERR), told["message"], {**number, **told.pop("fields", {})}
        summary = {**number, "MESSAGE_ID": SPAWN_FAILED, "EXECUTABLE": self._path}
        self.lines += [said, (LOG_ERR, told["summary"], summary)]


def tell(report: int, message: dict[str, Any]) -> None:
    """The child's end: report a failure, a warning, or the user that it changes to."""
    try:
        os.write(report, wire.dumps(message) + b"\n")
    except OSError:
        return  # the supervisor was killed; the exit status still tells
