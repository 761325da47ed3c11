"""What a mount is told of the kernel, and what it asks for before it is mounted (events.py has all else)."""

from __future__ import annotations

from systemctl_replacement.records import dataclass


@dataclass(frozen=True)
class Mounted:
    """The kernel has something mounted where the unit is, or has it with other options (proc(5), mountinfo)."""

    where: str
    what: str
    type: str
    options: str


@dataclass(frozen=True)
class Unmounted:
    """The kernel has nothing mounted where the unit is any more."""


@dataclass(frozen=True)
class MountPoint:
    """What has to be there before something is mounted: a directory, made with `mode` if need be, and so `source`, if
    what is mounted is somewhere else in the tree."""

    where: str
    mode: int
    source: str = ""
