"""What is made and looked at before something is mounted, as systemd does (systemd.mount(5), DirectoryMode=)."""

from __future__ import annotations

import errno
import os

from systemctl_replacement import syscalls, tree_walk
from systemctl_replacement.log_levels import LOG_ERR, LOG_NOTICE, LOG_WARNING
from systemctl_replacement.units.mounted import MountPointFailed, MountPointMade

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    from systemctl_replacement.units.events import Event
    from systemctl_replacement.units.mounted import MakeMountPoint

_CAP_SYS_ADMIN = 21


def can_mount(root: str) -> bool:
    """Whether we have the capability that mount(2) asks for, and this system's directories are those of its units.

    Those below a root (`--root=`) mean the directories of another system: ours would be covered instead.
    """
    return not root and bool(syscalls.get_capabilities()[0] >> _CAP_SYS_ADMIN & 1)


def make(point: MakeMountPoint, root: str, log: Callable[[int, str], object]) -> Event:
    """Make the directories, and say what systemd says."""
    where, source = point.where, point.source
    if root:
        return MountPointFailed("Nothing is mounted with --root=")
    if not can_mount(root):
        log(LOG_WARNING, "Mounting needs CAP_SYS_ADMIN, which this container does not have.")
    if os.path.realpath(where) != os.path.normpath(where):
        log(LOG_ERR, f"Mount path {where} is not canonical (contains a symlink).")
        return MountPointFailed(os.strerror(errno.ELOOP))
    if _files_in(where, point.mode):
        log(LOG_NOTICE, f"Directory {where} to mount over is not empty, mounting anyway.")
    if source:
        _files_in(source, point.mode)
    return MountPointMade()


def _files_in(path: str, mode: int) -> list[str]:
    """What is in a directory, which is made if need be. If it is none, mount(8) will say what is wrong: it also mounts
    files over files."""
    try:
        tree_walk.make_directories(path, mode)
        return os.listdir(path)
    except OSError:
        return []
