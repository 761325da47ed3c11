"""A supervisor's part in the making of a process: what has to be there before the fork, and the fork.

Whatever is missing on the way, nothing that was opened for it stays open.
"""

from __future__ import annotations

import errno
import os

from systemctl_replacement.process import child, environment
from systemctl_replacement.process.link import close_fds
from systemctl_replacement.process.sandbox import dynamic_user

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from systemctl_replacement.process.link import Message


class CannotSpawn(Exception):
    """There is no process: what could not be done, and why."""

    def __init__(self, what: str, error: OSError) -> None:
        super().__init__(what)
        self.what = what
        self.error = error


class Begun:
    """A process that waits to be let go: `report` is our end of the pipe for :class:`.report.Report`, `let_go` that of
    the one that it waits at; `problems` is what was ignored in environment files."""

    __slots__ = ("let_go", "pid", "problems", "report")

    def __init__(self, pid: int, report: int, let_go: int, problems: list[str]) -> None:
        self.pid = pid
        self.report = report
        self.let_go = let_go
        self.problems = problems


class Passed:
    """Descriptors for a process that are sent ahead of it: there are more than one message can carry."""

    __slots__ = ("_fds", "_token")

    def __init__(self) -> None:
        self._fds: list[int] = []
        self._token: Any = None

    def keep(self, token: Any, fds: list[int]) -> None:
        """Takes descriptors over, which are ours from now on."""
        self._fds = [*self.take(token), *fds]
        self._token = token
        fds.clear()

    def take(self, token: Any) -> list[int]:
        """Those for this process. If they are another's, that one could not be asked for, and they are closed."""
        fds, self._fds = self._fds, []
        if token == self._token:
            return fds
        close_fds(fds)
        return []


def begin(message: Message, fds: list[int], log: int, users: dynamic_user.Store) -> Begun:
    """Forks. `fds`: what the process is to have; `log`: as for child.run()."""
    launch = message["launch"]
    what = "Failed to receive descriptors"
    pipes: list[int] = []
    try:
        if message.get("fds_lost") or len(fds) < launch["passed"]:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        users.check(launch["kept_users"])
        what = "Failed to load environment files"
        files, problems = environment.load_files(launch["environment_files"], wait=False)
        what = "Failed to fork"
        pipes += os.pipe2(os.O_CLOEXEC)
        pipes += os.pipe2(os.O_CLOEXEC)
        report, write_end, go, let_go = pipes
        os.set_blocking(report, False)
        pid = os.fork()
    except BaseException as error:
        close_fds(pipes)
        if isinstance(error, OSError):
            raise CannotSpawn(what, error) from None
        raise
    if pid == 0:
        os.close(report)
        child.run(message, files, fds, log, write_end, go, users)
    close_fds([write_end, go])
    return Begun(pid, report, let_go, problems)
