"""The foreground command (`init -- COMMAND`): the manager's own child, with the container's terminal and streams.

It is forked before the manager changes anything that it was started with (directory, umask, limits), waits at a pipe,
and is executed when it may run. A supervisor's session could not get the terminal where another process leads ours, as
under `docker run --init -it`, and only what comes from here has all that whoever started init has meant for it.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import errno
import os

from systemctl_replacement import syscalls
from systemctl_replacement.process import descendants
from systemctl_replacement.process.link import close_fds
from systemctl_replacement.signals import SIGCONT, SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import NoReturn

# What it has to do with the terminal that it is given.
LEADER = "leader"
"""The terminal is that of our session, which we lead: we give it up, and the command's session gets it."""
GUEST = "guest"
"""The terminal is that of our session, which another process leads: the command is a process group of this session."""
ALONE = "alone"
"""There is no terminal, or nobody's: the command's session takes it if it can."""

# What execvp(3) does without $PATH.
_DEFAULT_PATH = "/bin:/usr/bin"
_SHELL = "/bin/sh"
NOT_FOUND, NOT_EXECUTABLE = 127, 126

STOPPING = (SIGTSTP, SIGTTIN, SIGTTOU)
"""The signals that stop a process by default and that it can handle."""


def fork(argv: tuple[str, ...], environment: Mapping[str, str], closed: Iterable[int] = ()) -> tuple[int, int, str]:
    """The process that is to be the command: its pid, the pipe that it waits at, and LEADER, GUEST or ALONE.

    It keeps what is open for programs to inherit, except `closed`. It ends when the pipe is closed. All signals must be
    blocked. OSError.
    """
    place = _place()
    wait, go = os.pipe2(os.O_CLOEXEC)
    try:
        pid = os.fork()
    except OSError:
        close_fds([wait, go])
        raise
    if pid == 0:
        os.close(go)
        _wait_and_become(argv, environment, wait, place, closed)
    os.close(wait)
    if place != ALONE:
        _leave_group(pid)
    return pid, go, place


def _leave_group(pid: int) -> None:
    """Keep from it what is typed before it runs. Done on both sides: nobody has to wait for the other."""
    try:
        os.setpgid(pid, pid)
    except OSError:
        return  # it has done so itself, and has ended


def _place() -> str:
    terminal = _terminal_among_streams()
    if terminal < 0:
        return ALONE
    try:
        os.tcgetpgrp(terminal)
    except OSError:
        return ALONE  # it is not the terminal of our session
    return LEADER if os.getsid(0) == os.getpid() else GUEST


def _terminal_among_streams() -> int:
    return next((number for number in range(3) if os.isatty(number)), -1)


# --- the child ----------------------------------------------------------------------------------------------------


def _wait_and_become(
    argv: tuple[str, ...], environment: Mapping[str, str], wait: int, place: str, closed: Iterable[int]
) -> NoReturn:
    status = NOT_EXECUTABLE
    try:
        if place == ALONE:
            os.setsid()
        else:
            os.setpgid(0, 0)
        syscalls.close_all_except([0, 1, 2, wait, *_inheritable(closed)])
        syscalls.reset_signal_dispositions()
        if place == LEADER:
            _signal.signal(_signal.SIGHUP, _signal.SIG_IGN)  # which comes when the terminal is given up
        syscalls.unblock_all_signals()
        if os.read(wait, 1):
            _take_terminal(place)
            status = _execute(argv, environment)
    except OSError as error:
        _say(f"Cannot run {argv[0]}: {error.strerror}")
    finally:
        os._exit(status)


def _inheritable(closed: Iterable[int]) -> list[int]:
    found = []
    for number in map(int, os.listdir("/proc/self/fd")):
        try:
            if os.get_inheritable(number) and number not in closed:
                found.append(number)
        except OSError:
            continue  # the one that the directory was read with
    return found


def _take_terminal(place: str) -> None:
    terminal = _terminal_among_streams()
    if place == LEADER:
        _signal.signal(_signal.SIGHUP, _signal.SIG_DFL)
        os.setpgid(0, os.getpgid(os.getppid()))  # the leader of a group cannot begin a session
        os.setsid()
    if place != GUEST and terminal >= 0:
        try:
            syscalls.take_terminal(terminal)
        except OSError:
            return  # another session's: it is read and written all the same


def _execute(argv: tuple[str, ...], environment: Mapping[str, str]) -> int:
    """execvp(3). Returns the exit status of shells if that fails."""
    name = argv[0]
    failure = OSError(errno.ENOENT, os.strerror(errno.ENOENT))
    places = environment.get("PATH", _DEFAULT_PATH).split(":")
    for path in [name] if "/" in name else [f"{place or '.'}/{name}" for place in places]:
        try:
            os.execve(path, argv, environment)
        except OSError as error:
            if error.errno == errno.ENOEXEC:
                os.execve(_SHELL, [_SHELL, path, *argv[1:]], environment)
            if failure.errno == errno.ENOENT and error.errno != errno.ENOTDIR:
                failure = error
    _say(f"Cannot run {name}: {failure.strerror}")
    return NOT_FOUND if failure.errno == errno.ENOENT else NOT_EXECUTABLE


def _say(text: str) -> None:
    line = "".join([character if character.isprintable() else "?" for character in text])
    os.write(2, f"{line}\n".encode("utf-8", "replace"))


# --- the manager --------------------------------------------------------------------------------------------------


def let_run(pid: int, go: int, place: str) -> bool:
    """Let the command run. Whether it was given the terminal and `take_terminal_back` is to be called. OSError."""
    gave = place != ALONE and _give_terminal(pid, place)
    try:
        os.write(go, b"\n")
    except BrokenPipeError:
        pass  # it was killed, as its status says
    finally:
        os.close(go)
    return gave


def _give_terminal(pid: int, place: str) -> bool:
    terminal = _our_terminal()
    if terminal < 0:
        return False
    try:
        if os.tcgetpgrp(terminal) != os.getpgrp():
            return False  # we run in the background
        os.tcsetpgrp(terminal, pid)
        if place == LEADER:
            # SIGHUP goes to the foreground's group, which is the child's now: nobody is told who shares ours.
            syscalls.give_up_terminal(terminal)
        return place == GUEST
    except OSError:
        return False
    finally:
        os.close(terminal)


def take_terminal_back() -> None:
    """The command has ended, whose group had the terminal of our session."""
    terminal = _our_terminal()
    if terminal >= 0:
        try:
            os.tcsetpgrp(terminal, os.getpgrp())
        except OSError:
            pass  # it was hung up
        finally:
            os.close(terminal)


def _our_terminal() -> int:
    try:
        return os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return -1


def living(pids: Iterable[int]) -> list[tuple[int, int]]:
    """(pid, start time) of those that live."""
    starts = [(pid, descendants.start_time(pid)) for pid in pids]
    return [(pid, start) for pid, start in starts if start is not None]


def group(pid: int, among: Iterable[int]) -> list[int]:
    """The command, and those of `among` that are in its process group, whoever their parents are by now."""
    return [pid, *[member for member in among if member != pid and _group_of(member) == pid]]


def _group_of(pid: int) -> int:
    try:
        return os.getpgid(pid)
    except OSError:
        return 0


def pass_on(pid: int, number: int, to_group: bool) -> None:
    """Pass a signal on to the command, or to its process group."""
    try:
        if to_group:
            os.killpg(pid, number)
        else:
            os.kill(pid, number)
    except ProcessLookupError:
        descendants.send(pid, number)  # it is on its way into a group of its own
    except PermissionError:
        pass  # it runs as somebody else, and so do all others of its group


def stop_who_does_not_heed(pids: Iterable[int], number: int) -> None:
    """Stop those that leave one of STOPPING to the kernel, which drops it if it comes to a group that no shell
    controls."""
    for pid in pids:
        if not _heeds(pid, number):
            descendants.send(pid, SIGSTOP)


def continue_stopped(pids: Iterable[int]) -> None:
    """Let those go on that are stopped: nothing else would they hear."""
    for pid in pids:
        stat = descendants.read_stat(pid)
        if stat is not None and stat[0] == "T":
            descendants.send(pid, SIGCONT)


def _heeds(pid: int, number: int) -> bool:
    """Whether a process catches, blocks or ignores a signal, or has ended."""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
            lines = dict(line.split(":", 1) for line in file)
    except OSError:
        return True
    return any(int(lines[name], 16) >> (number - 1) & 1 for name in ("SigBlk", "SigIgn", "SigCgt"))
