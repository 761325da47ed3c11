"""Which machine id a system is given that has none (machine-id(5))."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from systemctl_replacement.manager.engine import machine_id
from systemctl_replacement.manager.engine.machine_id import choose, parse

ID = "0123456789abcdef0123456789abcdef"
UUID = "01234567-89AB-CDEF-0123-456789ABCDEF"
OTHER = "f" * 32


@pytest.mark.parametrize("text", [ID, ID + "\n", UUID])
def test_ids(text: str) -> None:
    assert parse(text) == ID


@pytest.mark.parametrize("text", ["", "uninitialized\n", "0" * 32, ID + "0", ID[:-1] + "g"])
def test_what_is_none(text: str) -> None:
    assert parse(text) == ""


def test_who_is_asked_first() -> None:
    assert choose({"container_uuid": OTHER}, lambda: ID, lambda: OTHER) == ID
    assert choose({"container_uuid": UUID}, str, str) == ID
    assert choose({"container_uuid": "nonsense"}, str, lambda: OTHER) == OTHER


def test_a_random_one_is_a_uuid() -> None:
    made = choose({}, str, str)
    assert parse(made) == made != choose({}, str, str)
    assert made[12] == "4" and made[16] in "89ab"


def test_one_that_exists_stays(tmp_path: Path) -> None:
    path = tmp_path / "machine-id"
    path.write_text(ID + "\n")
    machine_id.set_up({"container_uuid": OTHER}, str(path))
    assert path.read_text() == ID + "\n"
    path.write_text("uninitialized\n")
    machine_id.set_up({"container_uuid": OTHER}, str(path))
    assert parse(path.read_text()) and path.read_text() != ID + "\n"


def test_no_file_but_its_own_is_written_and_nobody_is_waited_for(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.write_text("precious")
    path, transient = tmp_path / "machine-id", tmp_path / "run-machine-id"

    def plant(how: str) -> None:
        path.unlink(missing_ok=True)
        if how == "fifo":
            os.mkfifo(path)
        else:
            (os.symlink if how == "link" else os.link)(theirs, path)

    for how in ("link", "hard link", "fifo"):
        plant(how)
        machine_id.set_up({"container_uuid": UUID}, str(path), str(transient))
        assert theirs.read_text() == "precious" and parse(transient.read_text()), how
        transient.unlink()


def test_a_full_disk_costs_the_id_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(fd: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    path, transient = tmp_path / "machine-id", tmp_path / "run-machine-id"
    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        machine_id.set_up({}, str(path), str(transient))
    assert path.read_text() == transient.read_text() == ""
    machine_id.set_up({}, str(path), str(transient))  # there is room again
    assert parse(path.read_text())
