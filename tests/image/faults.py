"""Failures of the calls that change a file system: one of them, all from one on that need space, or a kill."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

CHANGING = ("rename", "link", "symlink", "unlink", "mkdir", "rmdir", "open", "chmod", "utime")
NEED_SPACE = ("link", "symlink", "mkdir", "open")
ONCE, FULL, KILL = "fails once", "disk stays full", "is killed"


class Killed(BaseException):
    """Nothing runs after this: nobody catches it, and nothing is put back."""


class Fault:
    """What was done of the calls that are counted. `reached` once there was the one that failed."""

    def __init__(self, number: int, kind: str) -> None:
        self.number = number
        self.kind = kind
        self.calls = 0

    @property
    def reached(self) -> bool:
        return self.calls >= self.number

    def call(self, name: str, real: Any, arguments: tuple[Any, ...], words: dict[str, Any]) -> Any:
        if name == "open" and not arguments[1] & (os.O_WRONLY | os.O_RDWR):
            return real(*arguments, **words)
        self.calls += 1
        if self.kind == KILL and self.reached:
            raise Killed
        if self.calls == self.number or (self.kind == FULL and self.reached and name in NEED_SPACE):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(*arguments, **words)


@contextmanager
def fault(number: int, kind: str) -> Iterator[Fault]:
    """Have the changing call with this number, the first one is 1, fail in such a way."""
    injected = Fault(number, kind)
    with pytest.MonkeyPatch.context() as patch:
        for name in CHANGING:
            patch.setattr(os, name, _wrapped(injected, name))
        yield injected


def _wrapped(injected: Fault, name: str) -> Any:
    real = getattr(os, name)
    return lambda *arguments, **words: injected.call(name, real, arguments, words)
