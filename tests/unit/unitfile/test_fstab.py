"""The units of /etc/fstab."""

from __future__ import annotations

from typing import Any

import pytest

from systemctl_replacement.unitfile import fstab
from systemctl_replacement.unitfile.load import load
from systemctl_replacement.unitfile.loadpath import Index
from systemctl_replacement.unitfile.specifiers import Host


@pytest.mark.parametrize(
    ("line", "unit", "settings"),
    [
        ("/dev/sda2 /data ext4 defaults,nofail 0 2", "data.mount",
         {"Where": "/data", "What": "/dev/sda2", "Type": "ext4", "Options": "defaults,nofail"}),
        ("UUID=a-b\t/srv/with\\040blank/  auto", "srv-with\\x20blank.mount",
         {"Where": "/srv/with blank", "What": "/dev/disk/by-uuid/a-b", "Type": "", "Options": ""}),
        ('LABEL="my\\040disk" /l xfs ro', "l.mount", {"What": "/dev/disk/by-label/my\\x20disk"}),
        ("server:/x /net nfs _netdev", "net.mount", {"What": "server:/x"}),
        ("/dev/sda3 none swap sw 0 0", "dev-sda3.swap", {"What": "/dev/sda3", "Options": "sw"}),
    ],
)  # fmt: skip
def test_entries(line: str, unit: str, settings: dict[str, Any]) -> None:
    (found,) = fstab.read(line).items()
    assert found[0] == unit
    made = fstab.as_unit(load(unit, Index([]), Host()), found[1])
    section = "Swap" if unit.endswith(".swap") else "Mount"
    assert {name: made.get(section, name) for name in settings} == settings
    assert (made.load_state, made.load_error, made.source_path) == ("loaded", None, "/etc/fstab")
    assert "system.slice" in made.dependencies["Requires"]


@pytest.mark.parametrize(
    "line",
    ["", "# /dev/x /x ext4", "alone", "/dev/x / ext4", "proc /proc proc", "x none ext4", "x /a/../b ext4",
     f"x /{'y' * 300} ext4", "\udcff"],
)  # fmt: skip
def test_what_makes_no_unit(line: str) -> None:
    assert fstab.read(line) == {}


def test_the_first_of_a_place_counts() -> None:
    found = fstab.read("/dev/a /x ext4\n/dev/b /x ext4\n")
    assert [settings[("Mount", "What")] for settings in found.values()] == ["/dev/a"]
