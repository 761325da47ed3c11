"""What journalctl(1) asks the manager for: that everything is written that has arrived, that files are rotated, and
that they are written elsewhere.

Each file has one writer, which is asked. What is written is the kernel's, and can be read; nothing is forced to disk.
"""

from __future__ import annotations

import os

from systemctl_replacement.journal.names import MANAGER_FILE, file_name, parse_name
from systemctl_replacement.journal.vacuum import is_written
from systemctl_replacement.journal.writer import Writer
from systemctl_replacement.log_levels import LOG_INFO

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from systemctl_replacement.control.request import Request
    from systemctl_replacement.manager.logs.logs import Logs
    from systemctl_replacement.manager.logs.place import LogPlace
    from systemctl_replacement.supervision.manager_log import ManagerLog
    from systemctl_replacement.supervision.supervision import Processes


class _All:
    """Calls back once, when everybody has answered who was asked."""

    def __init__(self, then: Callable[[], object]) -> None:
        self._then = then
        self._left = 1

    def one(self) -> Callable[[], None]:
        """What somebody is to call who is asked."""
        self._left += 1
        return self.answered

    def answered(self) -> None:
        self._left -= 1
        if not self._left:
            self._then()


class Upkeep:
    """The handlers of these requests."""

    def __init__(self, log: ManagerLog, processes: Processes, logs: Logs, place: LogPlace) -> None:
        self._log = log
        self._processes = processes
        self._logs = logs
        self._collector = logs.collector
        self._place = place

    def synchronize(self, request: Request) -> None:
        """Answer when what units have printed until now is in their files."""
        request.resume_as = lambda: ("Synchronize", {})
        self._when_heard(self._collector.sync, request.reply)

    def flush(self, request: Request) -> None:
        """Go on below /var/log, if that is possible. Answered as by `synchronize`, when everybody does."""
        request.resume_as = lambda: ("FlushToVar", {})
        self._logs.flush()
        self._when_heard(self._collector.sync, request.reply)

    def relinquish(self, request: Request) -> None:
        """Go on in the runtime directory."""
        request.resume_as = lambda: ("RelinquishVar", {})
        self._logs.relinquish()
        self._when_heard(self._collector.sync, request.reply)

    def rotate(self, request: Request) -> None:
        """Let new files begin with the next records, and answer when they do."""
        request.resume_as = lambda: ("Rotate", {})
        self._log.rotate()
        # As with journald, the files are never without a line: it shows that others may be gone.
        self._log.manager(LOG_INFO, "Files of the log have been rotated.", news=False)
        self._processes.rotate_journals()
        self._when_heard(self._collector.rotate, lambda: request.work(self._rotate_others(request)))

    def _when_heard(self, ask: Callable[[Callable[[], object]], object], then: Callable[[], object]) -> None:
        """Call back when the supervisors have answered, and the collector, which is asked for something."""
        everybody = _All(then)
        ask(everybody.one())
        for unit in list(self._processes.trackings):
            self._processes.when_heard(unit, everybody.one())
        everybody.answered()

    def _rotate_others(self, request: Request) -> Iterator[None]:
        """Rotate the files of units that have no supervisor, in pieces: nobody writes to them."""
        for directory in self._place.directories():
            try:
                names = os.listdir(directory)
            except OSError:
                continue  # there are none
            for name in names:
                yield
                said = parse_name(name)
                written = {file_name(unit) for unit in self._processes.trackings} | {MANAGER_FILE}
                is_others = directory == self._place.directory() and name in written
                if said is not None and said[1] < 0 and not is_others and not is_written(f"{directory}/{name}"):
                    Writer(f"{directory}/{name}").rotate()
        request.reply()
