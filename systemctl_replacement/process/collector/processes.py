"""What /proc says about the process that has sent a message, for as long as it is there. Best effort throughout: where
/proc hides the processes of others nothing is known."""

from __future__ import annotations

import os

_STAT_SIZE = 1024
_STATUS_SIZE = 4096
_CMDLINE_MAX = 4096
_CAPABILITIES = b"\nCapEff:\t"
TICK_USEC = 1_000_000 // os.sysconf("SC_CLK_TCK")


def _read(path: str, size: int) -> bytes:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(fd, size)
    finally:
        os.close(fd)


def read_stat(pid: int) -> tuple[bytes, int, int] | None:
    """(name, parent, start time in ticks since boot) of a process, zombies too. None if it is gone or hidden."""
    try:
        text = _read(f"/proc/{pid}/stat", _STAT_SIZE)
    except OSError:
        return None
    name, _, rest = text.partition(b" (")[2].rpartition(b") ")
    fields = rest.split(None, 20)
    return name, int(fields[1]), int(fields[19])


def read_command_line(pid: int) -> str:
    """The command line of a process as one text, "" if it has none (any more)."""
    try:
        text = _read(f"/proc/{pid}/cmdline", _CMDLINE_MAX)
    except OSError:
        return ""
    return text.rstrip(b"\0").replace(b"\0", b" ").decode("utf-8", "replace")


def read_executable(pid: int) -> str:
    """The program that a process executes; "" if we may not know, which needs the process's user or CAP_SYS_PTRACE."""
    try:
        return os.readlink(f"/proc/{pid}/exe")
    except OSError:
        return ""


def read_capabilities(pid: int) -> str:
    """The effective capabilities of a process, in hexadecimal without zeros in front; "" if they are not known."""
    try:
        text = _read(f"/proc/{pid}/status", _STATUS_SIZE)
    except OSError:
        return ""
    digits = text.partition(_CAPABILITIES)[2].partition(b"\n")[0].decode("ascii", "replace")
    return digits.lstrip("0") or "0" if digits else ""


def read_ids(pid: int) -> tuple[int, int]:
    """The (uid, gid) of a process; (-1, -1) if it is gone or hidden."""
    try:
        status = os.stat(f"/proc/{pid}")
    except OSError:
        return -1, -1
    return status.st_uid, status.st_gid
