"""What is made and looked at before something is mounted, as systemd does (systemd.mount(5), DirectoryMode=)."""

from __future__ import annotations

import errno
import os

from systemctl_replacement import syscalls
from systemctl_replacement.log_levels import LOG_NOTICE, LOG_WARNING

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    from systemctl_replacement.units.mounted import MountPoint

_CAP_SYS_ADMIN = 21


class NoMountPoint(OSError):
    """Nothing can be mounted there; `said` is what systemd logs."""

    def __init__(self, number: int, said: str) -> None:
        super().__init__(number, os.strerror(number))
        self.said = said


def can_mount() -> bool:
    """Whether we have the capability that mount(2) asks for."""
    return bool(syscalls.get_capabilities()[0] >> _CAP_SYS_ADMIN & 1)


def prepare(place: MountPoint, log: Callable[[int, str], object]) -> None:
    """Make the directories. NoMountPoint."""
    if not can_mount():
        log(LOG_WARNING, "Mounting needs CAP_SYS_ADMIN, which this container does not have.")
    if os.path.realpath(place.where) != os.path.normpath(place.where):
        raise NoMountPoint(errno.ELOOP, f"Mount path {place.where} is not canonical (contains a symlink).")
    try:
        _make_directories(place.where, place.mode)
        if os.listdir(place.where):
            log(LOG_NOTICE, f"Directory {place.where} to mount over is not empty, mounting anyway.")
    except OSError:
        pass  # mount(8) will say what is wrong; a file can be mounted over, too
    if place.source:
        try:
            _make_directories(place.source, place.mode)
        except FileExistsError:
            return  # something else than a directory, which may be mounted as well
        except OSError as error:
            said = f"Failed to make bind mount source '{place.source}': {error.strerror}"
            raise NoMountPoint(error.errno or errno.EIO, said) from error


def _make_directories(path: str, mode: int) -> None:
    """Make a directory and those above it, all with the mode. FileExistsError if there is something else."""
    if os.path.isdir(path):
        return
    above = os.path.dirname(path)
    if above != path:
        _make_directories(above, mode)
    try:
        os.mkdir(path, mode)
    except FileExistsError:
        if not os.path.isdir(path):
            raise
