"""The files that come with a message: whose are read, and from where."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from systemctl_replacement.process.collector import passed_file
from systemctl_replacement.process.collector.native import SIZE_MAX, Refused

USER = 1
"""Somebody who is not root. It is a number that the sender's kernel has told: nobody needs to be it here."""
CONTENT = b"MESSAGE=passed\n"
OUTSIDE = "Received file outside of allowed directories. Refusing."
BELOW = "Received file in subdirectory of allowed directories. Refusing."


@pytest.fixture
def memfd() -> Iterator[int]:
    fd = os.memfd_create("passed", os.MFD_ALLOW_SEALING)
    os.write(fd, CONTENT)
    yield fd
    os.close(fd)


def refusal(fd: int, uid: int) -> str:
    with pytest.raises(Refused) as refused:
        passed_file.read(fd, uid)
    return str(refused.value)


@pytest.mark.parametrize("place", ["/dev/shm", "/tmp", "/var/tmp"])
def test_a_user_may_pass_a_temporary_file_and_none_from_a_directory_below(place: str) -> None:
    with tempfile.NamedTemporaryFile(dir=place, buffering=0) as file:
        file.write(CONTENT)
        assert passed_file.read(file.fileno(), USER) == CONTENT
        os.unlink(file.name)  # as those do that pass one
        assert passed_file.read(file.fileno(), USER) == CONTENT
        Path(file.name).touch()
    with tempfile.TemporaryDirectory(dir=place) as below, tempfile.TemporaryFile(dir=below, buffering=0) as inner:
        inner.write(CONTENT)
        assert refusal(inner.fileno(), USER) == BELOW
        assert passed_file.read(inner.fileno(), 0) == CONTENT


def test_a_user_may_pass_no_other_file() -> None:
    elsewhere = Path("/etc/passwd")
    with elsewhere.open("rb") as file:
        assert refusal(file.fileno(), USER) == OUTSIDE
        assert passed_file.read(file.fileno(), 0) == elsewhere.read_bytes()


def test_what_has_no_place_is_a_user_s_only_if_it_is_sealed(memfd: int) -> None:
    assert refusal(memfd, USER) == OUTSIDE
    for seal in (fcntl.F_SEAL_SHRINK, fcntl.F_SEAL_GROW, fcntl.F_SEAL_WRITE):
        fcntl.fcntl(memfd, fcntl.F_ADD_SEALS, seal)
        assert refusal(memfd, USER) == OUTSIDE
    fcntl.fcntl(memfd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SEAL)
    assert passed_file.read(memfd, USER) == CONTENT


def test_what_is_no_file_or_too_large_is_nobody_s(memfd: int) -> None:
    reading, writing = os.pipe()
    assert refusal(reading, USER) == OUTSIDE
    assert refusal(reading, 0) == "File passed is not regular. Ignoring."
    os.close(reading)
    os.close(writing)
    os.truncate(memfd, SIZE_MAX + 1)
    assert refusal(memfd, 0) == f"File passed too large ({SIZE_MAX + 1} bytes), refusing."
