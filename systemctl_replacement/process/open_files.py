"""OpenFile=: files and sockets that a service is passed open. systemd.service(5), since systemd 253.

The child opens them while it is still root. They follow the unit's sockets.
"""

from __future__ import annotations

import _socket
import errno
import os
import stat

from systemctl_replacement.process.step import APPLIED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from systemctl_replacement.process.child import Child
    from systemctl_replacement.process.step import Outcome

_KINDS = (_socket.SOCK_DGRAM, _socket.SOCK_STREAM, _socket.SOCK_SEQPACKET)


def open_files(child: Child) -> Outcome:
    """Open the files. Those that are `graceful` and cannot be opened are left out. OSError."""
    for file in child.spec.open_files:
        try:
            child.passed.append(_open(file.path, file.options))
        except OSError:
            if "graceful" not in file.options:
                raise
        else:
            child.passed_names.append(file.name)
    return APPLIED


def _open(path: str, options: Sequence[str]) -> int:
    try:
        is_socket = stat.S_ISSOCK(os.stat(path).st_mode)
    except FileNotFoundError:
        is_socket = False
    if is_socket:
        return _connect(path)
    flags = os.O_RDONLY if "read-only" in options else os.O_RDWR
    if "append" in options:
        flags |= os.O_APPEND
    elif "truncate" in options:
        flags |= os.O_TRUNC
    return os.open(path, flags | os.O_CLOEXEC | os.O_NOCTTY)


def _connect(path: str) -> int:
    """A socket connected to the one at `path`, whatever its type."""
    for kind in _KINDS:
        connection = _socket.socket(_socket.AF_UNIX, kind | _socket.SOCK_CLOEXEC)
        try:
            connection.connect(path)
            return connection.detach()
        except OSError as error:
            connection.close()
            if error.errno != errno.EPROTOTYPE:
                raise
    raise OSError(errno.EPROTOTYPE, os.strerror(errno.EPROTOTYPE))
