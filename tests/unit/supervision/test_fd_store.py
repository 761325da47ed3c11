"""The file descriptor store: what it keeps, and descriptors that cannot be watched."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from typing import Any

import pytest

from systemctl_replacement import syscalls
from systemctl_replacement.supervision.fd_store import FdStore


class Loop:
    """A loop whose epoll accepts nothing, for the given reason."""

    def __init__(self, number: int) -> None:
        self.number = number

    def watch_hang_up(self, fd: int, callback: object) -> None:
        raise OSError(self.number, os.strerror(self.number))

    def remove(self, fd: int) -> None:
        raise AssertionError("was never watched")


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for end in ends:
        try:
            os.close(end)
        except OSError:
            continue  # the store has


def store(number: int = errno.EPERM) -> FdStore:
    loop: Any = Loop(number)
    return FdStore(loop, lambda: None)


@pytest.mark.parametrize("number", [errno.EPERM, errno.ELOOP, errno.ENOSPC, errno.ENOMEM])
def test_what_cannot_be_watched_is_kept(pipe: tuple[int, int], number: int) -> None:
    kept = store(number)
    assert kept.add("a", [pipe[0]], True, 10) == 0
    assert [(entry.name, entry.polled) for entry in kept.entries] == [("a", False)]
    kept.clear()


def test_the_same_open_file_is_kept_once(pipe: tuple[int, int]) -> None:
    kept = store()
    twin = os.dup(pipe[0])
    assert kept.add("a", [pipe[0], twin, pipe[1]], False, 10) == 0
    assert [entry.fd for entry in kept.entries] == [pipe[0], pipe[1]]
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(twin)
    kept.clear()


def test_where_the_kernel_does_not_tell(pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(fd: int, other: int) -> bool:
        raise PermissionError(errno.EPERM, "denied")

    monkeypatch.setattr(syscalls, "same_open_file", denied)
    kept = store()
    twin = os.dup(pipe[0])
    polls = [os.memfd_create("a"), os.memfd_create("a")]
    assert kept.add("a", [pipe[0], twin, *polls], False, 10) == 0
    assert [entry.fd for entry in kept.entries] == [pipe[0], *polls]
    kept.clear()


def test_descriptors_of_other_files_are_not_compared(pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []
    monkeypatch.setattr(syscalls, "same_open_file", lambda fd, other: compared.append((fd, other)))
    kept = store()
    other = os.open("/dev/null", os.O_RDONLY)
    kept.add("a", [pipe[0], other], False, 10)
    assert compared == []
    kept.clear()
