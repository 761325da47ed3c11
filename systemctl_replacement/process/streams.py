"""Standard input, output and error of a program. systemd.exec(5) "Logging and Standard Input/Output"."""

from __future__ import annotations

import binascii
import os

from systemctl_replacement import syscalls

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_DEFAULT_TERMINAL = "/dev/console"


def _put(fd: int, number: int) -> None:
    """Makes ``fd`` the standard stream ``number``, inheritable."""
    if fd == number:
        os.set_inheritable(fd, True)
    else:
        os.dup2(fd, number)


def _open(path: str, flags: int, number: int, mode: int = 0o666) -> None:
    fd = os.open(path, flags | os.O_NOCTTY | os.O_CLOEXEC, mode)
    _put(fd, number)
    if fd != number:
        os.close(fd)


def set_input(spec: dict[str, Any], fds: list[int]) -> None:
    """Sets up standard input. OSError."""
    kind, _, argument = spec.get("stdin", "null").partition(":")
    if kind == "null":
        return  # the forkserver has seen to it
    if kind in ("tty", "tty-force", "tty-fail"):
        _open(spec.get("tty_path") or _DEFAULT_TERMINAL, os.O_RDWR, 0)
        syscalls.take_terminal(0, kind == "tty-force")
    elif kind == "data":
        fd = os.memfd_create("stdin-data")
        data = memoryview(binascii.a2b_base64(spec.get("stdin_data", "")))
        while data:
            data = data[os.write(fd, data) :]
        os.lseek(fd, 0, os.SEEK_SET)
        _put(fd, 0)
    elif kind == "file":
        same = any(spec.get(stream, "").partition(":")[2] == argument for stream in ("stdout", "stderr"))
        _open(argument, os.O_RDWR | os.O_CREAT if same else os.O_RDONLY, 0)
    elif kind == "fd":
        _put(fds[int(argument)], 0)
    else:
        raise ValueError(f"unknown standard input {kind}")


def set_output(spec: dict[str, Any], number: int, fds: list[int], log: int, owner: tuple[int, int] | None) -> None:
    """Sets up standard output (1) or error (2). ``owner``: who must be able to open /dev/stdout again. OSError."""
    chosen = spec.get("stdout", "journal") if number == 1 else spec.get("stderr", "inherit")
    kind, _, argument = chosen.partition(":")
    if kind == "inherit" and number == 2:
        _put(1, 2)
    elif kind == "inherit" and spec.get("stdin", "null").startswith(("tty", "fd:")):
        _put(0, 1)
    elif kind == "null":
        _open(os.devnull, os.O_WRONLY, number)
    elif kind in ("journal", "inherit") and log >= 0:  # systemd inherits terminals and sockets only
        _put(log, number)
        if owner:
            _give(number, owner)
    elif kind in ("journal", "inherit"):
        _open(os.devnull, os.O_WRONLY, number)
    elif kind == "tty":
        if spec.get("stdin", "null").startswith("tty"):
            _put(0, number)
        else:
            _open(spec.get("tty_path") or _DEFAULT_TERMINAL, os.O_WRONLY, number)
    elif kind in ("file", "append", "truncate"):
        if spec.get("stdin") == f"file:{argument}":
            _put(0, number)
        elif number == 2 and spec.get("stdout") == f"{kind}:{argument}":
            _put(1, 2)
        else:
            flags = {"file": 0, "append": os.O_APPEND, "truncate": os.O_TRUNC}[kind]
            _open(argument, os.O_WRONLY | os.O_CREAT | flags, number)
    elif kind == "fd":
        _put(fds[int(argument)], number)
    else:
        raise ValueError(f"unknown standard output {kind}")


def _give(fd: int, owner: tuple[int, int]) -> None:
    try:
        os.fchown(fd, *owner)
    except PermissionError:
        return  # the stream works all the same, only reopening /dev/stdout will not
