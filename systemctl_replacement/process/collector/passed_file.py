"""A file that comes with a datagram of the native protocol, because its message is too large for that: a sealed memfd,
or a file in a directory for temporary ones."""

from __future__ import annotations

import os
import stat

from systemctl_replacement.process.collector.native import SIZE_MAX, Refused

_F_GET_SEALS = 1034
_SEALED = 0xF  # F_SEAL_SEAL, _SHRINK, _GROW, _WRITE
_PLACES = ("/dev/shm/", "/tmp/", "/var/tmp/")
_CHUNK = 256 * 1024


def read(fd: int, uid: int) -> bytes:
    """What is in the file, which a user has passed. Refused if it may not be, with journald's words."""
    status = os.fstat(fd)
    if uid != 0 and not _is_sealed(fd):
        _check_place(fd)
    if not stat.S_ISREG(status.st_mode):
        raise Refused("File passed is not regular. Ignoring.")
    if status.st_size > SIZE_MAX:
        raise Refused(f"File passed too large ({status.st_size} bytes), refusing.")
    content = b""
    while len(content) < status.st_size:
        chunk = os.pread(fd, min(status.st_size - len(content), _CHUNK), len(content))
        if not chunk:
            break
        content += chunk
    return content


def _check_place(fd: int) -> None:
    path = os.readlink(f"/proc/self/fd/{fd}")
    for place in _PLACES:
        if path.startswith(place):
            name = path[len(place) :]
            if "/" in name or not name:
                raise Refused("Received file in subdirectory of allowed directories. Refusing.")
            return
    raise Refused("Received file outside of allowed directories. Refusing.")


def _is_sealed(fd: int) -> bool:
    import fcntl

    try:
        return fcntl.fcntl(fd, _F_GET_SEALS) & _SEALED == _SEALED
    except OSError:
        return False  # no memfd
