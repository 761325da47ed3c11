"""Keeping what PID 1 of a box prints. It is read all the time, so that PID 1 never waits for us."""

from __future__ import annotations

import errno
import os
import select
import threading


class Console:
    """Reads a pipe or terminal in its own thread, until nobody can write to it any more."""

    def __init__(self, output: int) -> None:
        """Take over the descriptor."""
        self._text = bytearray()
        self._lock = threading.Lock()
        self._output = output
        os.set_blocking(output, False)
        threading.Thread(target=self._read, daemon=True).start()

    def text(self) -> str:
        """Everything printed so far."""
        while self._take():
            pass
        return bytes(self._text).decode(errors="replace")

    def _read(self) -> None:
        poll = select.poll()
        poll.register(self._output, select.POLLIN)
        while self._output >= 0:
            poll.poll()
            self._take()

    def _take(self) -> bool:
        """Keep what can be read now. Returns whether there was anything."""
        with self._lock:
            if self._output < 0:
                return False
            try:
                data = os.read(self._output, 1 << 16)
            except BlockingIOError:
                return False
            except OSError as error:
                if error.errno != errno.EIO:
                    raise
                data = b""  # the other side of the terminal is closed
            self._text += data
            if not data:
                os.close(self._output)
                self._output = -1
            return bool(data)
