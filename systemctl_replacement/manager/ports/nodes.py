"""Sockets and FIFOs in the file system: their directories, what is at their place already, and links to them.

What others have made on the way is not followed: see tree_walk.open_parent. Paths are below the root.
"""

from __future__ import annotations

import _socket
import errno
import os
import stat

from systemctl_replacement import tree_walk
from systemctl_replacement.log_levels import LOG_WARNING
from systemctl_replacement.tree_walk import Umask

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from systemctl_replacement.units.listen_on import ListenOn

_FIFO_FLAGS = os.O_RDWR | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK | os.O_NOFOLLOW


def bind(socket: _socket.socket, path: str, root: str, on: ListenOn) -> None:
    """Bind a socket to a path below the root, in place of whatever file is there. OSError.

    The kernel walks the path once more, and keeps it as the name of the socket. Where somebody else could lead it
    elsewhere meanwhile, the socket is bound, and known, by the descriptor of its directory.
    """
    above, name, is_firm = _parent(root, path, on.options.directory_mode)
    where = root + path if is_firm else f"/proc/self/fd/{above}/{name}"
    try:
        with Umask(on.options.socket_mode):
            try:
                socket.bind(where)
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
                try:
                    os.unlink(name, dir_fd=above)
                except OSError:
                    raise error from None
                socket.bind(where)
    finally:
        os.close(above)


def touch(path: str) -> None:
    """Tell those who watch a socket, at a path with its root, that it can be connected to now."""
    try:
        above, name = tree_walk.open_parent(path)
        try:
            os.utime(name, dir_fd=above, follow_symlinks=False)
        finally:
            os.close(above)
    except OSError:
        return  # nobody is told


def open_fifo(root: str, on: ListenOn) -> int:
    """Make a FIFO, if it is not there, and open it. OSError, EEXIST if what is there is no FIFO of ours with this
    mode."""
    mode = on.options.socket_mode
    above, name, _ = _parent(root, on.address, on.options.directory_mode)
    try:
        with Umask(mode):
            try:
                os.mkfifo(name, mode, dir_fd=above)
            except FileExistsError:
                pass  # which may be one from before
        fd = os.open(name, _FIFO_FLAGS, dir_fd=above)
    finally:
        os.close(above)
    return kept_if(fd, lambda found: stat.S_ISFIFO(found.st_mode) and is_ours(found, mode))


def open_special(root: str, on: ListenOn) -> int:
    """Open a file of the kernel, as in /proc, or a device. OSError, EEXIST for any other file."""
    access = os.O_RDWR if on.options.writable else os.O_RDONLY
    above, name = tree_walk.open_parent(root + on.address)
    try:
        fd = os.open(name, access | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK | os.O_NOFOLLOW, dir_fd=above)
    finally:
        os.close(above)
    return kept_if(fd, lambda found: stat.S_ISREG(found.st_mode) or stat.S_ISCHR(found.st_mode))


def kept_if(fd: int, is_right: Callable[[os.stat_result], bool]) -> int:
    """A descriptor whose file is what is looked for, else it is closed. OSError, EEXIST if it is something else."""
    try:
        if not is_right(os.fstat(fd)):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
    except BaseException:
        os.close(fd)
        raise
    return fd


def is_ours(found: os.stat_result, mode: int) -> bool:
    """Whether a file belongs to us, and has this mode."""
    return (found.st_mode & 0o777, found.st_uid, found.st_gid) == (mode, os.getuid(), os.getgid())


def link(root: str, on: ListenOn) -> Iterator[tuple[int, str]]:
    """Make the links of Symlinks=. What could not be made, by syslog level."""
    for path in on.symlinks:
        try:
            above, name, _ = _parent(root, path, on.options.directory_mode)
            try:
                _link(on, above, name)
            finally:
                os.close(above)
        except OSError as error:
            yield LOG_WARNING, f"Failed to create symlink {on.path} → {path}, ignoring: {error.strerror}"


def _link(on: ListenOn, above: int, name: str) -> None:
    try:
        os.symlink(on.path, name, dir_fd=above)
    except FileExistsError:
        try:
            if os.readlink(name, dir_fd=above) == on.path:
                return
        except OSError as error:
            if error.errno != errno.EINVAL:  # which says that it is no link
                raise
        if not on.remove:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST)) from None
        os.unlink(name, dir_fd=above)
        os.symlink(on.path, name, dir_fd=above)


def remove(path: str) -> None:
    """Remove what was made at a path, with its root, if it is still there. OSError."""
    try:
        above, name = tree_walk.open_parent(path)
    except FileNotFoundError:
        return
    try:
        os.unlink(name, dir_fd=above)
    except FileNotFoundError:
        return
    finally:
        os.close(above)


def _parent(root: str, path: str, mode: int) -> tuple[int, str, bool]:
    """The directory of a path below the root, which is made if need be, the name in it, and whether the way to it is
    firm (tree_walk.open_way). OSError."""
    with Umask(mode):
        above, name, is_firm = tree_walk.open_way(root + path, make=True, mode=mode)
    if root and not f"{os.path.realpath(f'/proc/self/fd/{above}')}/".startswith(f"{os.path.realpath(root)}/"):
        os.close(above)
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    return above, name, is_firm
