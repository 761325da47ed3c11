"""Executing a program, also where posix_spawn(3) is refused."""

from __future__ import annotations

import errno
import os
from typing import Any

import pytest

from systemctl_replacement.process.spawn_program import spawn_program


def refused(*_arguments: Any, **_options: Any) -> int:
    raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))


@pytest.fixture(params=[False, True], ids=["posix_spawn", "fork"], autouse=True)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param:
        monkeypatch.setattr(os, "posix_spawn", refused)


def output(command: str, **options: Any) -> tuple[str, int, int]:
    """What a shell command prints, its exit status and its pid."""
    reading, writing = os.pipe()
    pid = spawn_program(["/bin/sh", "-c", command], {"WORD": "told"}, {1: writing}, **options)
    os.close(writing)
    with os.fdopen(reading) as file:
        text = file.read()
    return text, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), pid


def test_a_program_gets_its_environment_and_its_descriptors() -> None:
    assert output("echo $WORD; exit 3")[:2] == ("told\n", 3)
    text, _, pid = output("cut -d' ' -f5 /proc/$$/stat", own_group=True)
    assert int(text) == pid
    assert int(output("cut -d' ' -f5 /proc/$$/stat")[0]) == os.getpgrp()


def test_a_descriptor_that_has_its_number_already() -> None:
    reading, writing = os.pipe()
    pid = spawn_program(["/bin/sh", "-c", f"echo here >/proc/self/fd/{writing}"], {}, {writing: writing})
    os.close(writing)
    with os.fdopen(reading) as file:
        assert file.read() == "here\n"
    os.waitpid(pid, 0)


def test_a_program_that_does_not_exist() -> None:
    with pytest.raises(FileNotFoundError):
        spawn_program(["/nowhere"], {}, {})
