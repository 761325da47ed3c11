"""The pager: long output on a terminal goes through less.

Source: systemctl(1) "Environment": $SYSTEMD_PAGER, $PAGER, $SYSTEMD_LESS, $SYSTEMD_LESSCHARSET, $SYSTEMD_PAGERSECURE.

Whoever may run systemctl as another user must not get a shell from its pager. systemd trusts a pager if the session
belongs to the effective user, which logind knows. Without logind nobody does, and systemd then takes the safe side, as
is done here always: unless $SYSTEMD_PAGERSECURE says otherwise, only less is used, told by LESSSECURE=1 to run nothing,
and $SYSTEMD_PAGER and $PAGER can turn the pager off but not choose one. No shell ever reads them. The less of busybox
and toybox does not listen to LESSSECURE, opens files and writes them: where it must be safe, there is no such less.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import errno
import os

from systemctl_replacement.booleans import boolean
from systemctl_replacement.cli import streams
from systemctl_replacement.cli.terminal import is_dumb, is_utf8_locale

# Debian's alternative, then the programs. Of these only less knows how to be safe.
_PAGERS = ("pager", "less", "more")
_SAFE_PAGERS = ("less",)
_LESS_OPTIONS = "FRSXMK"
_SECURE = "LESSSECURE"
# Greater than any less.
_MAXIMUM_PROGRAM = 16 << 20
_COPIED_AT_ONCE = 65536


def open_pager() -> bool:
    """Send what is printed from now on through a pager; whether there is one. It ends with the command's output."""
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
    less_options = os.environ.get("SYSTEMD_LESS", _LESS_OPTIONS)
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
    # The pager has begun when its end of the pipe is gone: only then is the terminal in its hands.
    if _name_of_pager(told) == "less" and "K" not in less_options:
        _signal.signal(_signal.SIGINT, _signal.SIG_IGN)  # less then goes on after Ctrl-C, and so do we

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
    """In the child: execute the first pager that can be; else copy. Returns only if that fails."""
    from systemctl_replacement import syscalls

    # "K": less ends on SIGINT, so it does when we are killed.
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
        elif pager in _SAFE_PAGERS and (program := _that_can_be_safe(pager)):
            _execute([pager], environment, telling, otherwise, program)
    os.close(telling)
    while data := os.read(0, _COPIED_AT_ONCE):
        os.write(1, data)
    os._exit(0)


def _security() -> tuple[bool, bool]:
    """Whether the user's choice of a pager counts, and whether the pager must be one that runs nothing."""
    setting = os.environ.get("SYSTEMD_PAGERSECURE")
    if setting is None:
        return False, True
    secure = boolean(setting)
    if secure is None:
        streams.err("Unable to parse $SYSTEMD_PAGERSECURE, assuming true: Invalid argument")
        return False, True
    return True, secure


def _that_can_be_safe(name: str) -> str | None:
    """The first program of this name that has LESSSECURE in it. It must not be run to be asked."""
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
