"""stdout and stderr of a command, down to the descriptors.

What cannot be written is lost and remembered, never an exception. As with systemctl, a full disk or a closed descriptor
changes neither what a verb does nor its exit status. Text is UTF-8 in every locale, and other bytes come out as they
came in. This is on the hot path.
"""

from __future__ import annotations

import errno
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

# So many bytes wait at most. If there are more, they are written before the command ends.
_BUFFERED = 8192


class OutputStream:
    """Buffered text for a descriptor. It is text or bytes, whatever is at hand."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._waiting: list[bytes] = []
        self._length = 0
        self.error = 0  # the errno of the first write that failed

    def write(self, text: str) -> None:
        """Accept a text. It is written when there is enough, or on flush()."""
        self.write_bytes(text.encode("utf-8", "surrogateescape"))

    def write_bytes(self, data: bytes) -> None:
        """Accept what is encoded already."""
        self._waiting.append(data)
        self._length += len(data)
        if self._length > _BUFFERED:
            self.flush()

    def flush(self) -> None:
        """Write the text that waits."""
        if not self._waiting:
            return
        data = memoryview(b"".join(self._waiting))
        self._waiting.clear()
        self._length = 0
        while data and not self.error:
            try:
                data = data[os.write(self._descriptor, data) :]
            except BlockingIOError:  # somebody has made the terminal or the pipe non-blocking
                import select

                select.select([], [self._descriptor], [])
            except OSError as error:
                self.error = error.errno or errno.EIO


stdout = OutputStream(1)
stderr = OutputStream(2)
_closers: list[Callable[[], None]] = []


def open_missing() -> None:
    """Open /dev/null for descriptors 0, 1 and 2 that are closed: no socket of ours may become somebody's stdout."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open("/dev/null", os.O_RDWR), True)
            if number:
                (stdout, stderr)[number - 1].error = errno.EBADF


def out(text: str) -> None:
    """Print one line (or several) on stdout."""
    stdout.write(text + "\n")


def err(text: str) -> None:
    """Print one line (or several) on stderr, after everything that was printed on stdout before."""
    stdout.flush()
    stderr.write(text + "\n")
    stderr.flush()


def unwritten() -> str:
    """Why stdout could not be written, "" if it could so far."""
    stdout.flush()
    return os.strerror(stdout.error) if stdout.error else ""


def at_end(close: Callable[[], None]) -> None:
    """Call this when the command's output is complete."""
    _closers.append(close)


def finish() -> None:
    """Write what still waits, and end the pager that reads it."""
    stdout.flush()
    while _closers:
        _closers.pop()()
