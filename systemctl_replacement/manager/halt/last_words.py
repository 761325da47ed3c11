"""What is said when a halt ends: what it has given up, and Kubernetes' termination message if it has not gone well.

Kubernetes mounts an empty file at /dev/termination-log and shows what it finds there in the end. Where
terminationMessagePath names another place, nobody in the container can learn it. What a service has written there
itself stays.
"""

from __future__ import annotations

import os

from systemctl_replacement.few_names import few
from systemctl_replacement.journal.names import MANAGER_FILE, file_name, open_file
from systemctl_replacement.log_levels import LOG_INFO, LOG_WARNING
from systemctl_replacement.loop import now_monotonic
from systemctl_replacement.manager.halt.final_status import FORCED, meaning
from systemctl_replacement.process.descendants import with_reserve
from systemctl_replacement.unitfile.values import INFINITY
from systemctl_replacement.units.states import FAILED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from systemctl_replacement.manager.core import Core
    from systemctl_replacement.manager.halt.halt import Halt
    from systemctl_replacement.manager.halt.termination_message import Failure
    from systemctl_replacement.manager.unit import ManagedUnit

PLACE = "/dev/termination-log"

# How much of the log is shown: of each failed unit, and of what the manager has warned of. More never fits.
_LINES = 20
_UNITS = 20
_WARNINGS = 3

# Everybody decides about the size of their own log. This much of the end of each is looked at, and none when this much
# time has passed: whoever halts the container waits for it.
_SEARCHED = 128 * 1024
_READING_USEC = 100_000


class LastWords:
    """Told of the end of the halt. place: the file. logs: the directory of the journals, "" for none; boot: the
    id of this boot."""

    def __init__(self, core: Core, halt: Halt, place: str, logs: Callable[[], str], boot: str) -> None:
        self._core = core
        self._halt = halt
        self._place = place
        self._logs = logs
        self._boot = boot
        self._read_until = 0  # monotonic microseconds

    def say(self, status: int) -> None:
        """The halt ends with this exit status."""
        if FORCED in self._halt.known:
            self._say_what_is_given_up()
        self._write_message(status)

    def _say_what_is_given_up(self) -> None:
        owed = [f"{name}= of {unit.id}" for unit in self._core.registry for name in _owed(unit)]
        if owed:
            self._core.log.manager(LOG_WARNING, f"Not done, for want of time: {few(owed)}.")

    def _write_message(self, status: int) -> None:
        failed = [unit for unit in self._core.registry if unit.active_state == FAILED]
        if not (status or failed):
            return
        try:
            os.lstat(self._place)
            message = with_reserve(lambda _place: self._message(status, failed), self._place)
            with_reserve(lambda place: _write(place, message), self._place)
        except FileNotFoundError:
            return  # nobody wants to know
        except OSError as error:
            self._core.log.manager(LOG_WARNING, f"Cannot write {self._place}: {error.strerror}")

    def _message(self, status: int, failed: list[ManagedUnit]) -> bytes:
        from systemctl_replacement.manager.halt.termination_message import compose  # most halts never need it

        failed.sort(key=lambda unit: unit.stamps.get("InactiveEnter", unit.stamps.get("StateChange", (0, 0)))[1])
        self._read_until = min(now_monotonic() + _READING_USEC, self._halt.gone_by or INFINITY)
        warnings = self._warnings() if status else []
        failures = [self._failure(unit, number < _UNITS) for number, unit in enumerate(failed)]
        return compose(status, meaning(self._halt.known), warnings, failures)

    def _failure(self, unit: ManagedUnit, with_lines: bool) -> Failure:
        from systemctl_replacement.manager.halt.termination_message import Failure

        lines = self._last(file_name(unit.id), _LINES, lambda _record: True) if with_lines else []
        return Failure(unit.id, unit.kind.result(unit.state), unit.kind.ended_with(unit.state), tuple(lines))

    def _warnings(self) -> list[str]:
        """What the manager has warned of last, without what is about a unit: that shows in its result."""
        return self._last(MANAGER_FILE, _WARNINGS, _is_warning)

    def _last(self, name: str, count: int, wanted: Callable[[dict[str, Any]], bool]) -> list[str]:
        """The last lines of a journal file of this boot, oldest first; fewer if time is short."""
        from systemctl_replacement.journal.entry import text_of
        from systemctl_replacement.journal.tail import records_backwards

        found: list[str] = []
        directory = self._logs()
        if not directory or now_monotonic() >= self._read_until:
            return found
        for record in records_backwards(f"{directory}/{name}", most=_SEARCHED):
            if record.get("_BOOT_ID") != self._boot:
                break
            if wanted(record):
                found.append(text_of(record))
            if len(found) == count or now_monotonic() >= self._read_until:
                break
        return found[::-1]


def _owed(unit: ManagedUnit) -> tuple[str, ...]:
    return unit.kind.owed(unit.config, unit.state)


def _is_warning(record: dict[str, Any]) -> bool:
    return "UNIT" not in record and str(record.get("PRIORITY", LOG_INFO)) <= str(LOG_WARNING)


def _write(place: str, message: bytes) -> None:
    """Write it into a file that is empty. OSError, also if it is no file: nothing else is waited for, or followed."""
    fd = open_file(place, os.O_WRONLY)
    try:
        rest = memoryview(message if not os.fstat(fd).st_size else b"")
        while rest:
            rest = rest[os.write(fd, rest) :]
    finally:
        os.close(fd)
