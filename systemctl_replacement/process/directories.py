"""RuntimeDirectory=, StateDirectory=, CacheDirectory=, LogsDirectory= and ConfigurationDirectory=. systemd.exec(5)."""

from __future__ import annotations

import errno
import os
import stat

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
    from collections.abc import Iterable
    from typing import Any

EXIT_STATUSES = {
    "RuntimeDirectory": EXIT_RUNTIME_DIRECTORY,
    "StateDirectory": EXIT_STATE_DIRECTORY,
    "CacheDirectory": EXIT_CACHE_DIRECTORY,
    "LogsDirectory": EXIT_LOGS_DIRECTORY,
    "ConfigurationDirectory": EXIT_CONFIGURATION_DIRECTORY,
}


# What dynamic users own is below this: others may pass, if the directory's own mode allows, but not look around.
# (systemd lets nobody pass, and brings the service there by a mount namespace.)
_PRIVATE, _PRIVATE_MODE = "private", 0o711


def make(directory: dict[str, Any], uid: int, gid: int) -> str:
    """Makes what one directory asks for, the unit's user its owner; the value of its variable. OSError.

    A directory that is there but belongs to somebody else is given to the user with all below it. Configuration that
    is there is left to whom it belongs: services do not write to it.
    """
    paths = []
    base = directory["base"]
    for entry in directory["names"]:
        name, *links = [entry] if isinstance(entry, str) else entry
        path, private = os.path.join(base, name), os.path.join(base, _PRIVATE, name)
        if directory.get("private"):
            _make_private_base(os.path.join(base, _PRIVATE))
            real = private
            _move(base, name, private)
        else:
            real = path
            _move_back(private, path)
        _make_parents(real)
        made = _make_one(real, directory["mode"])
        if made or directory["kind"] != "ConfigurationDirectory":
            _give(real, uid, gid, directory["mode"])
        if real != path and not _is_below(name, directory["names"]):
            _link(real, path)
        for link in links:
            _link(path, os.path.join(base, link))
        paths.append(path.replace("\\", "\\\\").replace(":", "\\:"))
    return ":".join(paths)


def _is_below(name: str, entries: Iterable[Any]) -> bool:
    """Whether one of the other directories has this one in it: the link to that one leads here, too."""
    return any(name.startswith(f"{entry if isinstance(entry, str) else entry[0]}/") for entry in entries)


def owned(directories: Iterable[dict[str, Any]]) -> list[str]:
    """The directories that the unit's user may own since the unit ran last."""
    found = []
    for directory in directories:
        if directory["kind"] != "ConfigurationDirectory":
            base = os.path.join(directory["base"], _PRIVATE) if directory.get("private") else directory["base"]
            found += [os.path.join(base, name if isinstance(name, str) else name[0]) for name in directory["names"]]
    return found


def _make_private_base(path: str) -> None:
    _make_parents(path)
    _make_one(path, _PRIVATE_MODE)
    fd = os.open(path, OPEN_DIRECTORY)
    try:
        if os.fstat(fd).st_mode & 0o777 != _PRIVATE_MODE:  # systemd's own, in the image, has 0700
            os.fchmod(fd, _PRIVATE_MODE)
    finally:
        os.close(fd)


def _move(base: str, name: str, private: str) -> None:
    """The unit was not always one with DynamicUser=: what it has is moved, unless a link leads there."""
    if os.path.lexists(private):
        return
    parts = name.split("/")
    fd = os.open(base, OPEN_DIRECTORY) if os.path.isdir(base) else -1
    try:
        for part in parts[:-1]:
            below = os.open(part, OPEN_DIRECTORY, dir_fd=fd)
            os.close(fd)
            fd = below
        if fd >= 0 and stat.S_ISDIR(os.stat(parts[-1], dir_fd=fd, follow_symlinks=False).st_mode):
            _make_parents(private)
            os.rename(parts[-1], private, src_dir_fd=fd)
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
            raise
    finally:
        if fd >= 0:
            os.close(fd)


def _move_back(private: str, public: str) -> None:
    """The unit is no longer one with DynamicUser=."""
    if os.path.islink(public) and os.path.realpath(public) == os.path.realpath(private) and os.path.isdir(private):
        os.unlink(public)
        os.rename(private, public)


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
