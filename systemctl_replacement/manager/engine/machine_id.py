"""/etc/machine-id, made by PID 1 where an image comes without one: machine-id(5).

A container's engine may say which one it is to be ($container_uuid, /run/host/container-uuid).
"""

from __future__ import annotations

import os

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


def choose(environment: Mapping[str, str], read: Callable[[str], str]) -> str:
    """The id of a system that has none: that of D-Bus, the engine's, or a random one (UUID version 4)."""
    told = (
        read("/var/lib/dbus/machine-id"),
        environment.get("container_uuid", ""),
        read("/run/host/container-uuid"),
    )
    return next(filter(None, map(parse, told)), "") or _random()


def set_up(environment: Mapping[str, str], path: str = PATH) -> None:
    """Give the system an id if it has none. Where that cannot be written, PID 1 alone knows it, from /run."""
    if parse(_read(path)):
        return
    made = choose(environment, _read)
    for file in (path, TRANSIENT):
        try:
            fd = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOCTTY, 0o444)
        except OSError:
            continue  # a read-only root, or not ours
        try:
            os.write(fd, f"{made}\n".encode())
        finally:
            os.close(fd)
        return


def _read(path: str) -> str:
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.read(64)
    except OSError:
        return ""


def _random() -> str:
    made = bytearray(os.urandom(16))
    made[6] = made[6] & 0x0F | 0x40
    made[8] = made[8] & 0x3F | 0x80
    return made.hex()
