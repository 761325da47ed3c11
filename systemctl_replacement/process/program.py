"""The program itself: found, and executed. systemd.service(5), "Command lines"."""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import errno
import os
import stat

from systemctl_replacement import syscalls
from systemctl_replacement.defaults import SEARCH_PATH
from systemctl_replacement.log_levels import LOG_INFO
from systemctl_replacement.message_ids import SPAWN_FAILED
from systemctl_replacement.process import environment
from systemctl_replacement.process.report import ABOUT_TO_EXEC
from systemctl_replacement.process.step import APPLIED, NotPossible, Skipped, StepFailed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from systemctl_replacement.process.child import Child
    from systemctl_replacement.process.step import Outcome


def find(child: Child) -> Outcome:
    """Finds the file to execute. StepFailed if there is none, Skipped if that is no failure."""
    path = child.spec.launch.path
    candidates = [path]
    if "/" not in path:
        candidates = [f"{directory}/{path}" for directory in child.spec.search_path or SEARCH_PATH]
    failure: OSError | None = None
    for candidate in candidates:
        try:
            _check_executable(candidate)
        except OSError as error:
            # A file that may not be executed is worth telling, one that does not exist is not.
            if failure is None or error.errno != errno.ENOENT:
                failure = error
        else:
            child.program = candidate
            return APPLIED
    assert failure is not None
    fields = {"MESSAGE_ID": SPAWN_FAILED, "EXECUTABLE": path}
    if child.spec.ignore_failure and failure.errno == errno.ENOENT:
        why = f"Executable {path} missing, skipping: {failure.strerror}"
        child.warn(NotPossible(why, LOG_INFO, {**fields, "ERRNO": str(failure.errno)}))
        raise Skipped
    raise StepFailed(f"Failed to locate executable {path}", failure, LOG_INFO, fields)  # the summary says it louder


def _check_executable(path: str) -> None:
    mode = os.stat(path).st_mode
    if stat.S_ISDIR(mode):
        raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(mode):
        raise OSError(errno.EBADFD, os.strerror(errno.EBADFD))
    # Of our real ids, which are the same: to ask for the effective ones takes faccessat2(2), which old engines refuse.
    if not os.access(path, os.X_OK):
        raise OSError(errno.EACCES, os.strerror(errno.EACCES))


def execute(child: Child) -> NoReturn:
    """Executes the program; the supervisor is told just before. OSError."""
    argv = child.spec.argv
    if child.spec.expand_variables:
        argv = tuple(environment.expand_arguments(argv, child.variables))
    _place_descriptors(child)
    # Ignored in any case until the supervisor is told: it may have been killed, which is not our end.
    _signal.signal(_signal.SIGPIPE, _signal.SIG_IGN)
    arguments = [_encode(argument) for argument in argv] or [_encode(child.program)]
    variables = {_encode(name): _encode(value) for name, value in child.variables.items()}
    _announce(child.report)
    if not child.spec.ignore_sigpipe:
        _signal.signal(_signal.SIGPIPE, _signal.SIG_DFL)
    syscalls.unblock_all_signals()
    os.execve(child.program, arguments, variables)


def _place_descriptors(child: Child) -> None:
    """Puts what is passed at 3…, in order; all else closes with the exec."""
    first_free = 3 + len(child.passed)
    for fd in child.fds[: child.spec.sockets]:
        os.set_blocking(fd, not (child.spec.non_blocking and child.passed))
    if child.passed:
        child.report = syscalls.duplicate_above(child.report, first_free)
        passed = [syscalls.duplicate_above(fd, first_free) for fd in child.passed]
        for number, fd in enumerate(passed, 3):
            os.dup2(fd, number)
    syscalls.close_all_except([0, 1, 2, child.report, *range(3, first_free)])


def _announce(report: int) -> None:
    try:
        os.write(report, ABOUT_TO_EXEC)
    except BrokenPipeError:
        return  # without a supervisor nobody waits for it


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
