"""RuntimeDirectory=, StateDirectory=, CacheDirectory=, LogsDirectory= and ConfigurationDirectory=. systemd.exec(5)."""

from __future__ import annotations

import errno
import os

from ..exit_status import (
    EXIT_CACHE_DIRECTORY,
    EXIT_CONFIGURATION_DIRECTORY,
    EXIT_LOGS_DIRECTORY,
    EXIT_RUNTIME_DIRECTORY,
    EXIT_STATE_DIRECTORY,
)
from .tree import OPEN_DIRECTORY, walk

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

EXIT_STATUSES = {
    "RuntimeDirectory": EXIT_RUNTIME_DIRECTORY,
    "StateDirectory": EXIT_STATE_DIRECTORY,
    "CacheDirectory": EXIT_CACHE_DIRECTORY,
    "LogsDirectory": EXIT_LOGS_DIRECTORY,
    "ConfigurationDirectory": EXIT_CONFIGURATION_DIRECTORY,
}


def make(directory: dict[str, Any], uid: int, gid: int) -> str:
    """Makes what one directive asks for, the unit's user its owner; the value of its variable. OSError.

    A directory that is there but belongs to somebody else is given to the user with all below it. Configuration that
    is there is left to whom it belongs: services do not write to it.
    """
    paths = []
    for entry in directory["names"]:
        name, *links = [entry] if isinstance(entry, str) else entry
        path = os.path.join(directory["base"], name)
        _make_parents(path)
        made = _make_one(path, directory["mode"])
        if made or directory["kind"] != "ConfigurationDirectory":
            _give(path, uid, gid, directory["mode"])
        for link in links:
            _link(path, os.path.join(directory["base"], link))
        paths.append(path.replace("\\", "\\\\").replace(":", "\\:"))
    return ":".join(paths)


def _make_parents(path: str) -> None:
    parent = os.path.dirname(path)
    if not os.path.isdir(parent):
        _make_parents(parent)
        _make_one(parent, 0o755)


def _make_one(path: str, mode: int) -> bool:
    """Whether the directory had to be made."""
    try:
        os.mkdir(path, mode)
    except FileExistsError:
        if not os.path.isdir(path):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path) from None
        return False
    return True


def _give(path: str, uid: int, gid: int, mode: int) -> None:
    # A link in its place is refused, as systemd does: a service that owns the directory above could lead us anywhere.
    fd = os.open(path, OPEN_DIRECTORY)
    try:
        os.fchmod(fd, mode)
        status = os.fstat(fd)
        if (status.st_uid, status.st_gid) != (uid, gid):
            give_tree(fd, uid, gid)
            os.fchmod(fd, mode)  # chown takes set-user-ID and set-group-ID away
    finally:
        os.close(fd)


def give_tree(fd: int, uid: int, gid: int) -> None:
    """Gives a directory away with all below it; whoever may write there cannot make a link lead us elsewhere."""

    def give(above: int, name: str) -> None:
        os.chown(name, uid, gid, dir_fd=above, follow_symlinks=False)

    walk(fd, give, give)
    os.fchown(fd, uid, gid)


def _link(target: str, link: str) -> None:
    _make_parents(link)
    text = os.path.relpath(target, os.path.dirname(link))
    try:
        os.symlink(text, link)
    except FileExistsError:
        if not os.path.islink(link) or os.readlink(link) != text:
            raise
