"""What /proc says about a unit's processes, for `status`: command lines, memory, CPU time.

Without cgroups these are sums over the living processes. /proc is read directly, without a dependency. Files of other
users that cannot be read count as missing.
"""

from __future__ import annotations

import os

from systemctl_replacement.cli.printable import escaped

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_QUOTE_NEEDED = frozenset(" \"\\`$*?['()<>|&;!")


def command_name(pid: int) -> str:
    """The name of a process's program as the kernel keeps it, "" if the process is gone."""
    return escaped(_read(pid, "comm").decode("utf-8", "replace").rstrip("\n"))


def command_line(pid: int) -> str:
    """A process's arguments, quoted for a shell. [name] if it has none."""
    arguments = _read(pid, "cmdline").split(b"\0")
    while arguments and not arguments[-1]:
        arguments.pop()
    if not arguments:
        name = command_name(pid)
        return f"[{name}]" if name else "n/a"
    return " ".join(_quoted(argument.decode("utf-8", "replace")) for argument in arguments)


def _quoted(argument: str) -> str:
    if argument.isprintable() and argument and not _QUOTE_NEEDED.intersection(argument):
        return argument
    quoted = "".join("\\" + character if character in '"\\`$' else character for character in argument)
    return f'"{escaped(quoted)}"'


def tasks(pids: Sequence[int]) -> int:
    """How many threads the processes have."""
    return sum(_status_field(pid, b"Threads:") for pid in pids)


def memory(pids: Sequence[int]) -> int:
    """The processes' own memory in bytes: anonymous and shared memory in RAM, without files."""
    return 1024 * sum(_status_field(pid, b"RssAnon:") + _status_field(pid, b"RssShmem:") for pid in pids)


def cpu_usec(pids: Sequence[int]) -> int:
    """The CPU time in microseconds that the processes and their ended children have used."""
    ticks = 0
    for pid in pids:
        # The name is in parentheses and may contain anything.
        fields = _read(pid, "stat").rpartition(b")")[2].split()
        if len(fields) > 14:
            ticks += sum(int(field) for field in fields[11:15])
    return ticks * 1_000_000 // os.sysconf("SC_CLK_TCK")


def _status_field(pid: int, name: bytes) -> int:
    for line in _read(pid, "status").split(b"\n"):
        if line.startswith(name):
            return int(line.split()[1])
    return 0


def _read(pid: int, name: str) -> bytes:
    try:
        with open(f"/proc/{pid}/{name}", "rb") as file:
            return file.read()
    except OSError:
        return b""
