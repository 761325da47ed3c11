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
class MakeMountPoint:
    """Make what has to be there before something is mounted: a directory with `mode`, and another one, `source`, if
    what is mounted is somewhere else in the tree. Answered in the same step by MountPointMade or MountPointFailed."""

    where: str
    mode: int
    source: str = ""


@dataclass(frozen=True)
class MountPointMade:
    """Answer to MakeMountPoint: something can be mounted there."""


@dataclass(frozen=True)
class MountPointFailed:
    """Answer to MakeMountPoint: nothing can be mounted there, and why."""

    message: str
