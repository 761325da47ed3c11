"""Which machine id a system is given that has none (machine-id(5))."""

from __future__ import annotations

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
    files = {"/var/lib/dbus/machine-id": ID, "/run/host/container-uuid": OTHER}
    assert choose({"container_uuid": OTHER}, lambda path: files[path]) == ID
    assert choose({"container_uuid": UUID}, lambda path: "") == ID
    assert choose({"container_uuid": "nonsense"}, lambda path: files[path].replace(ID, "")) == OTHER


def test_a_random_one_is_a_uuid() -> None:
    made = choose({}, lambda path: "")
    assert parse(made) == made != choose({}, lambda path: "")
    assert made[12] == "4" and made[16] in "89ab"


def test_one_that_exists_stays(tmp_path: Path) -> None:
    path = tmp_path / "machine-id"
    path.write_text(ID + "\n")
    machine_id.set_up({"container_uuid": OTHER}, str(path))
    assert path.read_text() == ID + "\n"
    path.write_text("uninitialized\n")
    machine_id.set_up({"container_uuid": OTHER}, str(path))
    assert parse(path.read_text()) and path.read_text() != ID + "\n"
