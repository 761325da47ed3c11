"""What PID 1 is to a client that has found no manager: an init of ours that is about to answer, or another program.

If PID 1 is ours, no client starts a manager. Its command line identifies it from the moment of its exec, and its name
(`comm`) is `systemd` from the moment it answers. Everybody can read both, unless /proc is mounted with hidepid=:
then PID 1 counts as another program, and a manager that is started meanwhile is taken over by it.
"""

from __future__ import annotations

import os
import time

from systemctl_replacement.control.client import Client, connect
from systemctl_replacement.paths import Paths

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

# An init answers within a fraction of a second, unless another manager must stop its units first.
_PATIENCE_SECONDS = 120.0
# An init that has answered before replaces a removed socket at once.
_ANEW_SECONDS = 2.0
_LOOK_SECONDS = 0.005
_LONGEST_LOOK_SECONDS = 0.1

_NAME_WHEN_READY = "systemd"
_INTERPRETER_OPTIONS = "-ISXutf8"  # as in our launcher, and in `paths.self_command`


class InitProcess:
    """An init of ours that is PID 1. uid: its user. answers: it has made its socket, wherever that is."""

    def __init__(self, uid: int, answers: bool) -> None:
        self.uid = uid
        self.answers = answers

    @property
    def user(self) -> str:
        """The name of its user, or the number."""
        try:
            import pwd

            return pwd.getpwuid(self.uid).pw_name
        except (ImportError, KeyError):
            return str(self.uid)


def look() -> InitProcess | None:
    """PID 1, if it is an init of ours."""
    try:
        uid = os.stat("/proc/1").st_uid
        if not is_ours(_read("/proc/1/cmdline").split("\0")[:-1]) or _is_elsewhere():
            return None
        return InitProcess(uid, _read("/proc/1/comm").strip() == _NAME_WHEN_READY)
    except OSError:
        return None


def is_ours(command: list[str]) -> bool:
    """Whether PID 1 with this command line is an init of ours for the whole system."""
    if any(word.startswith("--root") for word in command):
        return False
    if len(command) < 3 or "python" not in command[0] or command[1] != _INTERPRETER_OPTIONS:
        return False
    from systemctl_replacement.command_line import program

    return program(command[2:], 1) == "init"


def _is_elsewhere() -> bool:
    """Whether PID 1 has another root, as far as we may see. Containers can share a pid namespace."""
    try:
        theirs, ours = os.stat("/proc/1/root"), os.stat("/")
    except PermissionError:
        return False
    return (theirs.st_dev, theirs.st_ino) != (ours.st_dev, ours.st_ino)


def wait_for_manager(paths: Paths, sleep: Callable[[float], object] = time.sleep) -> Client | None:
    """Wait for a connection to PID 1's manager. None if PID 1 is not ours, or does not answer us."""
    begin, pause = time.monotonic(), _LOOK_SECONDS
    answered = 0.0
    while (init := look()) is not None:
        now = time.monotonic()
        answered = answered or (now if init.answers else 0.0)
        manager = connect(paths)
        if manager is not None:
            return manager
        if now > begin + _PATIENCE_SECONDS or (answered and now >= answered + _grace(init)):
            return None
        # There is nothing that a client could wait for: not even the directory may exist yet.
        sleep(pause)
        pause = min(2 * pause, _LONGEST_LOOK_SECONDS)
    return None


def _grace(init: InitProcess) -> float:
    return _ANEW_SECONDS if init.uid in (0, os.geteuid()) else 0.0


def whose(init: InitProcess) -> str:
    """Why PID 1's manager cannot be used, and how to reach it."""
    if init.uid in (0, os.geteuid()):
        return "PID 1 is the service manager, but does not answer."
    return (
        f"PID 1 is the service manager of user {init.user}, and answers to that user only.\n"
        f"Run systemctl as that user, with 'docker exec --user {init.user}' for example."
    )


def _read(path: str) -> str:
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        return file.read()
