"""Reading configuration files without ever blocking, whatever stands in their place."""

from __future__ import annotations

import errno
import os

_LARGEST = 64 * 1024 * 1024
_CHUNK = 65536
_TYPE, _REGULAR = 0o170000, 0o100000
_EXECUTABLE, _WORLD_WRITABLE, _READABLE = 0o111, 0o002, 0o044


def read_file(path: str) -> tuple[bytes, os.stat_result]:
    """The content of a file and its status. Anything but a regular file counts as empty, as a link to /dev/null does.

    Raises OSError, with EFBIG for a file that is larger than any configuration.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK)
    try:
        status = os.fstat(descriptor)
        chunks: list[bytes] = []
        if status.st_mode & _TYPE == _REGULAR:
            left = _LARGEST
            while chunk := os.read(descriptor, min(max(status.st_size + 1, _CHUNK), left)):
                chunks.append(chunk)
                left -= len(chunk)
            if not left:
                raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), path)
        return b"".join(chunks), status
    finally:
        os.close(descriptor)


def mode_warnings(path: str, status: os.stat_result) -> list[str]:
    """What is wrong with the permissions of a configuration file. That not everybody may read it matters to PID 1 only,
    which tells everybody what is in it."""
    mode, warnings = status.st_mode, []
    if mode & _TYPE != _REGULAR:
        return []
    marked = f"Configuration file {path} is marked"
    if mode & _EXECUTABLE:
        warnings.append(f"{marked} executable. Please remove executable permission bits. Proceeding anyway.")
    if mode & _WORLD_WRITABLE:
        warnings.append(f"{marked} world-writable. Please remove world writability permission bits. Proceeding anyway.")
    if mode & _READABLE != _READABLE and os.getpid() == 1:
        why = "This has no effect as configuration data is accessible via APIs without restrictions."
        warnings.append(f"{marked} world-inaccessible. {why} Proceeding anyway.")
    return warnings


def read_text(path: str) -> str:
    """The same, as text. OSError."""
    return read_file(path)[0].decode("utf-8", "surrogateescape")
