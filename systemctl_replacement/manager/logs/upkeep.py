"""What journalctl(1) asks the manager for: that everything is written that has arrived, and that files are rotated.

Each file has one writer, which is asked. What is written is the kernel's, and can be read; nothing is forced to disk.
"""

from __future__ import annotations

import os

from systemctl_replacement.journal.names import MANAGER_FILE, file_name, parse_name
from systemctl_replacement.journal.vacuum import is_written
from systemctl_replacement.journal.writer import Writer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from systemctl_replacement.control.request import Request
    from systemctl_replacement.supervision.collector import Collector
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
    """The handlers of these requests. directory: where the files are, "" if nothing is stored."""

    def __init__(self, log: ManagerLog, processes: Processes, collector: Collector, directory: str) -> None:
        self._log = log
        self._processes = processes
        self._collector = collector
        self._directory = directory

    def synchronize(self, request: Request) -> None:
        """Answer when what units have printed until now is in their files."""
        request.resume_as = lambda: ("Synchronize", {})
        self._when_heard(self._collector.sync, request.reply)

    def rotate(self, request: Request) -> None:
        """Let new files begin with the next records, and answer when they do."""
        request.resume_as = lambda: ("Rotate", {})
        self._log.rotate()
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
        try:
            names = os.listdir(self._directory) if self._directory else []
        except OSError:
            names = []  # there are none yet
        for name in names:
            yield
            said = parse_name(name)
            written = {file_name(unit) for unit in self._processes.trackings} | {MANAGER_FILE}
            if said is not None and said[1] < 0 and name not in written:
                path = f"{self._directory}/{name}"
                if not is_written(path):
                    Writer(path).rotate()
        request.reply()
