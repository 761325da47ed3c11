"""Standard input, output and error of a program. systemd.exec(5) "Logging and Standard Input/Output"."""

from __future__ import annotations

import os

from systemctl_replacement import syscalls
from systemctl_replacement.process.step import APPLIED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from systemctl_replacement.process.child import Child
    from systemctl_replacement.process.exec_spec import Stream
    from systemctl_replacement.process.step import Outcome

_DEFAULT_TERMINAL = "/dev/console"
_TERMINALS = ("tty", "tty-force", "tty-fail")
_FILES = {"file": 0, "append": os.O_APPEND, "truncate": os.O_TRUNC}


def _put(fd: int, number: int) -> None:
    """Makes `fd` the standard stream `number`, inheritable."""
    if fd == number:
        os.set_inheritable(fd, True)
    else:
        os.dup2(fd, number)


def _open(child: Child, path: str, flags: int, number: int) -> None:
    """Opens a file as a standard stream. One that is created has the mode that UMask= leaves."""
    before = os.umask(child.spec.umask)
    try:
        fd = os.open(path, flags | os.O_NOCTTY | os.O_CLOEXEC, 0o666)
    finally:
        os.umask(before)
    _put(fd, number)
    if fd != number:
        os.close(fd)


def set_input(child: Child) -> Outcome:
    """StandardInput=. OSError."""
    streams = child.spec.streams
    stream = streams.stdin
    if stream.kind == "null":
        return APPLIED  # the forkserver has seen to it
    if stream.kind in _TERMINALS:
        _open(child, streams.terminal or _DEFAULT_TERMINAL, os.O_RDWR, 0)
        syscalls.take_terminal(0, stream.kind == "tty-force")
    elif stream.kind == "data":
        fd = os.memfd_create("stdin-data")
        data = memoryview(streams.stdin_data)
        while data:
            data = data[os.write(fd, data) :]
        os.lseek(fd, 0, os.SEEK_SET)
        _put(fd, 0)
    elif stream.kind == "file":
        same = stream.path in (streams.stdout.path, streams.stderr.path)
        _open(child, stream.path, os.O_RDWR | os.O_CREAT if same else os.O_RDONLY, 0)
    elif stream.kind == "fd":
        _put(child.fds[stream.position], 0)
    else:
        raise ValueError(f"unknown standard input {stream.kind}")
    return APPLIED


def set_output(child: Child) -> Outcome:
    """StandardOutput=. OSError."""
    streams = child.spec.streams
    if streams.stdout.kind == "inherit" and streams.stdin.kind in (*_TERMINALS, "fd"):
        _put(0, 1)
    else:
        _set_output(child, streams.stdout, 1)
    return APPLIED


def set_error(child: Child) -> Outcome:
    """StandardError=. OSError."""
    streams = child.spec.streams
    if streams.stderr.kind == "inherit" or (streams.stderr == streams.stdout and streams.stderr.kind in _FILES):
        _put(1, 2)
    else:
        _set_output(child, streams.stderr, 2)
    return APPLIED


def _set_output(child: Child, stream: Stream, number: int) -> None:
    streams = child.spec.streams
    if stream.kind == "null":
        _open(child, os.devnull, os.O_WRONLY, number)
    elif stream.kind in ("journal", "inherit") and child.log >= 0:  # systemd inherits terminals and sockets only
        _put(child.log, number)
        _give(child, number)
        status = os.fstat(number)
        child.journal_stream = f"{status.st_dev}:{status.st_ino}"
    elif stream.kind in ("journal", "inherit"):
        _open(child, os.devnull, os.O_WRONLY, number)
    elif stream.kind == "tty":
        if streams.stdin.kind in _TERMINALS:
            _put(0, number)
        else:
            _open(child, streams.terminal or _DEFAULT_TERMINAL, os.O_WRONLY, number)
    elif stream.kind in _FILES:
        if streams.stdin.kind == "file" and streams.stdin.path == stream.path:
            _put(0, number)
        else:
            _open(child, stream.path, os.O_WRONLY | os.O_CREAT | _FILES[stream.kind], number)
    elif stream.kind == "fd":
        _put(child.fds[stream.position], number)
    else:
        raise ValueError(f"unknown standard output {stream.kind}")


def _give(child: Child, fd: int) -> None:
    """Gives the log pipe to the unit's user, who must be able to open /dev/stdout again."""
    account = child.account
    if account is None or child.spec.privileged or account.uid == os.geteuid():
        return
    try:
        os.fchown(fd, account.uid, -1 if child.gid is None else child.gid)
    except OSError:  # the right is missing, or in a user namespace there is no such user
        return  # the stream works all the same, only reopening /dev/stdout will not
