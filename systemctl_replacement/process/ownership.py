"""SocketUser= and SocketGroup=: sockets and FIFOs are given to them by a process, as looking users up may take long.

systemd.socket(5).
"""

from __future__ import annotations

import errno
import os
import stat

from systemctl_replacement import exit_status, tree_walk
from systemctl_replacement.log_levels import LOG_ERR
from systemctl_replacement.process import accounts
from systemctl_replacement.process.step import NotPossible

TYPE_CHECKING = False
if TYPE_CHECKING:
    from systemctl_replacement.process.child import Child


def take_ownership(child: Child) -> int:
    """What a child does that has no program: its exit status. What cannot be done is logged."""
    ownership = child.spec.ownership
    assert ownership is not None
    uid = gid = -1
    what, status = f"Failed to resolve user {ownership.user}", exit_status.EXIT_USER
    try:
        if ownership.user:
            account = accounts.look_up_user(ownership.user)
            uid, gid = account.uid, account.gid
        what, status = f"Failed to resolve group {ownership.group}", exit_status.EXIT_GROUP
        if ownership.group:
            gid = accounts.look_up_group(ownership.group)
        what, status = "Failed to chown()", exit_status.EXIT_CHOWN
        for path in ownership.paths:
            _give(path, uid, gid)
    except OSError as error:
        child.warn(NotPossible(f"{what}: {error.strerror}", LOG_ERR))
        return status
    return exit_status.EXIT_SUCCESS


def _give(path: str, uid: int, gid: int) -> None:
    """Give away what was made at a path. OSError, EEXIST if something else has taken its place."""
    above, name = tree_walk.open_parent(path)
    try:
        fd = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=above)
    finally:
        os.close(above)
    try:
        mode = os.fstat(fd).st_mode
        if not (stat.S_ISSOCK(mode) or stat.S_ISFIFO(mode)):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
        os.chown(f"/proc/self/fd/{fd}", uid, gid)
    finally:
        os.close(fd)
