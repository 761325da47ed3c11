"""What /proc says about the process that has sent a message, for as long as it is there. Best effort throughout: where
/proc hides the processes of others nothing is known."""

from __future__ import annotations

import os

_STAT_SIZE = 1024
_STATUS_SIZE = 4096
_CMDLINE_MAX = 4096
_QUOTE_NEEDED = frozenset(" \t\n\r\"\\`$*?['()<>|&;!")
_ESCAPE_NEEDED = '"\\`$'
_NAMES = {"\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v"}
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
    """The command line of a process as one text, quoted for a shell as journald does; "" if it has none (any more)."""
    try:
        text = _read(f"/proc/{pid}/cmdline", _CMDLINE_MAX)
    except OSError:
        return ""
    return quoted(text.rstrip(b"\0").split(b"\0")) if text else ""


def quoted(arguments: list[bytes]) -> str:
    """A command line as one text that a shell would read as these arguments."""
    return " ".join(map(_quoted, arguments))


def _quoted(argument: bytes) -> str:
    text = argument.decode("utf-8", "surrogateescape")
    if text and not _QUOTE_NEEDED.intersection(text) and not _needs_escape(text):
        return text
    return '"' + "".join([_escaped(character) for character in text]) + '"'


def _needs_escape(text: str) -> bool:
    return not text.isprintable() and any(map(_is_no_text, text))


def _is_no_text(character: str) -> bool:
    """Whether it is a control character, or a byte that is no UTF-8."""
    return character < " " or character == "\x7f" or "\udc80" <= character <= "\udcff"


def _escaped(character: str) -> str:
    if character in _ESCAPE_NEEDED:
        return "\\" + character
    if _is_no_text(character):
        return _NAMES.get(character) or f"\\{ord(character) & 0xFF:03o}"
    return character


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


def describe(pid: int) -> dict[str, str]:
    """The fields that journald gives what a process prints, as far as /proc has them (any more)."""
    try:
        status = _read(f"/proc/{pid}/status", _STATUS_SIZE)
    except OSError:
        return {}
    found = dict([line.split(b":\t", 1) for line in status.split(b"\n") if b":\t" in line])
    capabilities = found.get(b"CapEff", b"").decode("ascii", "replace").lstrip("0") or "0"
    fields = {
        "_UID": found[b"Uid"].split(None, 1)[0].decode(),
        "_GID": found[b"Gid"].split(None, 1)[0].decode(),
        "_COMM": found[b"Name"].decode("utf-8", "surrogateescape"),
        "_EXE": read_executable(pid),
        "_CMDLINE": read_command_line(pid),
        "_CAP_EFFECTIVE": capabilities,
    }
    return {name: value for name, value in fields.items() if value}
