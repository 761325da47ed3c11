"""Executing a program beside us, also where the engine's filter refuses the system call that posix_spawn(3) makes."""

from __future__ import annotations

import errno
import os

from systemctl_replacement import syscalls

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, NoReturn

# Above all numbers that a program is given.
_OUT_OF_THE_WAY = 10


def spawn_program(
    argv: list[str],
    environment: Mapping[str, str],
    descriptors: Mapping[int, int],
    *,
    own_group: bool = False,
    fresh_signals: bool = False,
) -> int:
    """The pid of a new process with a program. OSError, also if it cannot be executed.

    descriptors: which of ours become which of its; own_group: it leads a process group; fresh_signals: none is blocked
    or ignored.
    """
    for number, fd in descriptors.items():
        if number == fd:  # dup2 to itself would leave it close-on-exec
            os.set_inheritable(fd, True)
    options: dict[str, Any] = {"setpgroup": 0} if own_group else {}
    if fresh_signals:
        options.update(setsigmask=(), setsigdef=syscalls.ALL_SIGNALS)
    actions = [(os.POSIX_SPAWN_DUP2, fd, number) for number, fd in descriptors.items() if number != fd]
    try:
        return os.posix_spawn(argv[0], argv, environment, file_actions=actions, **options)
    except PermissionError as error:
        if error.errno != errno.EPERM:
            raise
    # The C library makes the process with clone3(2). It would do without, had the answer been that there is no such
    # call. With fork(2) it never asks.
    return _fork(argv, environment, descriptors, own_group, fresh_signals)


def _fork(
    argv: list[str], environment: Mapping[str, str], descriptors: Mapping[int, int], group: bool, signals: bool
) -> int:
    reading, writing = os.pipe2(os.O_CLOEXEC)
    try:
        pid = os.fork()
        if pid == 0:
            _execute(argv, environment, descriptors, group, signals, writing)
    except OSError:
        os.close(reading)
        raise
    finally:
        os.close(writing)
    try:
        failure = os.read(reading, 1)  # the end at once, when the program is executed
    finally:
        os.close(reading)
    if failure:
        os.waitpid(pid, 0)
        raise OSError(failure[0], os.strerror(failure[0]), argv[0])
    return pid


def _execute(
    argv: list[str],
    environment: Mapping[str, str],
    descriptors: Mapping[int, int],
    group: bool,
    signals: bool,
    report: int,
) -> NoReturn:
    try:
        report = syscalls.duplicate_above(report, _OUT_OF_THE_WAY)
        if group:
            os.setpgid(0, 0)
        for number, fd in descriptors.items():
            os.dup2(fd, number)
        if signals:
            syscalls.reset_signal_dispositions()
            syscalls.unblock_all_signals()
        os.execve(argv[0], argv, environment)
    except OSError as error:
        os.write(report, bytes([error.errno or errno.EIO]))
    finally:
        os._exit(127)
