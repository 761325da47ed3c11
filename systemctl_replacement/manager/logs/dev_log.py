"""/dev/log, where syslog(3) sends to: a link to our socket, as under systemd, unless somebody has it.

An engine may have mounted the host's there. rsyslog without support for systemd, syslog-ng and busybox syslogd remove
what they find, and bind a socket of their own; some of them leave it behind when they end. It becomes ours again then.
"""

from __future__ import annotations

import _socket
import errno
import os
import stat

_DEAD = (errno.ENOENT, errno.ECONNREFUSED)
_OF_SYSTEMD = "/run/systemd/journal/dev-log"


def settle(path: str, target: str) -> None:
    """Make the link at `path`, unless somebody has a socket there. OSError if there is neither."""
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        os.symlink(target, path)
        return
    leads_to = os.readlink(path) if stat.S_ISLNK(found.st_mode) else ""
    if leads_to == target or is_answered(path):
        return
    if leads_to not in ("", _OF_SYSTEMD) or not (leads_to or stat.S_ISSOCK(found.st_mode)):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
    os.unlink(path)
    os.symlink(target, path)


def is_answered(path: str) -> bool:
    """Whether somebody has a socket at a path, of whatever type: nothing is sent to it. OSError if that cannot be
    told."""
    probe = _socket.socket(_socket.AF_UNIX, _socket.SOCK_DGRAM | _socket.SOCK_CLOEXEC | _socket.SOCK_NONBLOCK, 0)
    try:
        probe.connect(path)
    except OSError as error:
        if error.errno in _DEAD:
            return False
        if error.errno in (errno.EPROTOTYPE, errno.EACCES, errno.EPERM):
            return True  # a socket of another type, or one that is not for us
        raise
    finally:
        probe.close()
    return True


def remove(path: str, target: str) -> None:
    """Remove the link, if it is ours."""
    try:
        if os.readlink(path) == target:
            os.unlink(path)
    except OSError:
        return  # it is none any more
