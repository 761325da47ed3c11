"""The pager: long output on a terminal goes through less.

Source: systemctl(1) "Environment": $SYSTEMD_PAGER, $PAGER, $SYSTEMD_LESS, $SYSTEMD_LESSCHARSET, $SYSTEMD_PAGERSECURE.

A user who may only run systemctl as another user must not get a shell from its pager. systemd trusts a pager if the
session belongs to the effective user, which logind knows. Without logind systemd takes the safe side, and so do we
always. Unless $SYSTEMD_PAGERSECURE says otherwise, less is the only pager, and LESSSECURE=1 tells it to run nothing;
$SYSTEMD_PAGER and $PAGER can turn the pager off, but not choose one. No shell ever reads them. The less of busybox and
of toybox ignores LESSSECURE, and opens and writes files: it is not used where a pager must be safe.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import errno
import os

from systemctl_replacement.booleans import boolean
from systemctl_replacement.cli import streams
from systemctl_replacement.cli.terminal import is_dumb
from systemctl_replacement.terminal_settings import is_utf8_locale

# Debian's alternative, then the programs. Of these only less has a safe mode.
_PAGERS = ("pager", "less", "more")
_SAFE_PAGERS = ("less",)
_LESS_OPTIONS = "FRSXMK"
_JUMP_TO_END = " +G"
_SECURE = "LESSSECURE"
# Larger than any less.
_MAXIMUM_PROGRAM = 16 << 20
_COPIED_AT_ONCE = 65536


def open_pager(*, at_end: bool = False) -> bool:
    """Send everything printed from now on through a pager. Returns whether there is one.

    at_end: it is to show the end of the text first.
    """
    if is_dumb():
        return False
    chosen = os.environ.get("SYSTEMD_PAGER", os.environ.get("PAGER"))
    words = None if chosen is None else chosen.split()
    if words is not None and words in ([], ["cat"]):
        return False
    streams.stdout.flush()
    try:
        reading, writing = os.pipe()
        told, telling = os.pipe()
        parent = os.getpid()
        child = os.fork()
    except OSError as error:
        streams.err(f"Failed to start the pager: {error.strerror}")
        return False
    less_options = os.environ.get("SYSTEMD_LESS", _LESS_OPTIONS) + (_JUMP_TO_END if at_end else "")
    if child == 0:
        try:
            os.close(writing)
            os.close(told)
            _become_pager(parent, reading, telling, words or [], less_options)
        finally:
            os._exit(1)
    os.close(reading)
    os.close(telling)
    kept = os.dup(1), os.dup(2)
    for descriptor in (1, 2):
        os.dup2(writing, descriptor)
    os.close(writing)
    # When its end of the pipe is closed the pager has started, and only then does it control the terminal.
    if _name_of_pager(told) == "less" and "K" not in less_options:
        _signal.signal(_signal.SIGINT, _signal.SIG_IGN)  # this less continues after Ctrl-C, and so do we

    def close() -> None:
        streams.stdout.flush()
        for descriptor, original in zip((1, 2), kept):
            os.dup2(original, descriptor)
            os.close(original)
        os.kill(child, _signal.SIGCONT)
        os.waitpid(child, 0)

    streams.at_end(close)
    return True


def _name_of_pager(told: int) -> str:
    names = b""
    while data := os.read(told, 4096):
        names += data
    os.close(told)
    return os.fsdecode(names.rstrip(b"\0").rpartition(b"\0")[2])


def _become_pager(parent: int, reading: int, telling: int, words: list[str], less_options: str) -> None:
    """In the child: execute the first pager that works, otherwise copy the text. Returns only if that fails."""
    from systemctl_replacement import syscalls

    # With "K" less ends on SIGINT, and so it does when we are killed.
    syscalls.prctl(syscalls.PR_SET_PDEATHSIG, _signal.SIGINT)
    if os.getppid() != parent:
        return
    os.dup2(reading, 0)
    os.close(reading)
    trusted, secure = _security()
    environment = {name: value for name, value in os.environ.items() if name != _SECURE}
    environment["LESS"] = less_options
    charset = os.environ.get("SYSTEMD_LESSCHARSET", "utf-8" if is_utf8_locale() else None)
    if charset is not None:
        environment["LESSCHARSET"] = charset
    if secure:
        environment[_SECURE] = "1"
    if trusted and words:
        _execute(words, environment, telling, "using fallback pagers")
    for pager, following in zip(_PAGERS, (*_PAGERS[1:], "(built-in)")):
        otherwise = f"will try '{following}' next"
        if not secure:
            _execute([pager], environment, telling, otherwise)
        elif pager in _SAFE_PAGERS and (program := _find_safe(pager)):
            _execute([pager], environment, telling, otherwise, program)
    os.close(telling)
    while data := os.read(0, _COPIED_AT_ONCE):
        os.write(1, data)
    os._exit(0)


def _security() -> tuple[bool, bool]:
    """(whether the user may choose the pager, whether the pager must be a safe one)."""
    setting = os.environ.get("SYSTEMD_PAGERSECURE")
    if setting is None:
        return False, True
    secure = boolean(setting)
    if secure is None:
        streams.err("Unable to parse $SYSTEMD_PAGERSECURE, assuming true: Invalid argument")
        return False, True
    return True, secure


def _find_safe(name: str) -> str | None:
    """The first program of this name that contains LESSSECURE. It is not safe to run it to find out."""
    for directory in os.get_exec_path():
        path = os.path.join(directory, name)
        if not (os.path.isfile(path) and os.access(path, os.X_OK)):
            continue
        try:
            with open(path, "rb") as file:
                if _SECURE.encode() in file.read(_MAXIMUM_PROGRAM):
                    return path
        except OSError:
            continue
    return None


def _execute(words: list[str], environment: dict[str, str], telling: int, otherwise: str, program: str = "") -> None:
    os.write(telling, os.fsencode(words[0]) + b"\0")
    try:
        os.execvpe(program or words[0], words, environment)
    except OSError as error:
        if error.errno != errno.ENOENT:
            streams.err(f"Failed to execute '{words[0]}', {otherwise}: {error.strerror}")
