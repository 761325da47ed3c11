"""Reading configuration files without ever blocking, whatever stands in their place."""

from __future__ import annotations

import errno
import os

_LARGEST = 64 * 1024 * 1024
_CHUNK = 65536
_TYPE, _REGULAR = 0o170000, 0o100000


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


def read_text(path: str) -> str:
    """The same, as text. OSError."""
    return read_file(path)[0].decode("utf-8", "surrogateescape")
