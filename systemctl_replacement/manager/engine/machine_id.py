"""/etc/machine-id, made by PID 1 where an image comes without one: machine-id(5).

A container's engine may say which one it is to be ($container_uuid, /run/host/container-uuid).
"""

from __future__ import annotations

import errno
import os

from systemctl_replacement.journal.names import open_file
from systemctl_replacement.manager.engine import run_directory
from systemctl_replacement.unitfile.files import read_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PATH = "/etc/machine-id"
TRANSIENT = "/run/machine-id"
_HEX = frozenset("0123456789abcdef")


def parse(text: str) -> str:
    """A machine id, of which a UUID is another spelling; "" if it is none."""
    word = text.strip().lower().replace("-", "")
    return word if len(word) == 32 and _HEX.issuperset(word) and word.strip("0") else ""


def choose(environment: Mapping[str, str], dbus: Callable[[], str], engine: Callable[[], str]) -> str:
    """The id of a system that has none: that of D-Bus, the engine's, or a random one (UUID version 4).

    The functions return what D-Bus and the engine have in their files.
    """
    told = (dbus(), environment.get("container_uuid", ""), engine())
    return next(filter(None, map(parse, told)), "") or _random()


def set_up(environment: Mapping[str, str], path: str = PATH, transient: str = TRANSIENT) -> None:
    """Give the system an id if it has none. Where that cannot be written, PID 1 alone knows it, from /run; where that
    cannot be written either, nobody does."""
    if parse(_read(path)):
        return
    made = choose(
        environment, lambda: _read("/var/lib/dbus/machine-id"), lambda: run_directory.told_by_engine("container-uuid")
    )
    for file in (path, transient):
        try:
            _write(file, f"{made}\n".encode())
        except OSError:
            continue  # a read-only root, or not ours, or the disk is full
        return


def _write(path: str, content: bytes) -> None:
    """Make this the content of a file that has no other name, so that no file of somebody else is meant. OSError."""
    fd = open_file(path, os.O_WRONLY | os.O_CREAT, 0o444)
    try:
        if os.fstat(fd).st_nlink != 1:
            raise OSError(errno.EMLINK, os.strerror(errno.EMLINK), path)
        os.ftruncate(fd, 0)
        os.write(fd, content)
    finally:
        os.close(fd)


def _read(path: str) -> str:
    try:
        return read_text(path)
    except OSError:
        return ""


def _random() -> str:
    made = bytearray(os.urandom(16))
    made[6] = made[6] & 0x0F | 0x40
    made[8] = made[8] & 0x3F | 0x80
    return made.hex()
