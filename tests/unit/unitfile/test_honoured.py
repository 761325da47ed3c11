"""What a unit asks for and does not get, and what its settings imply."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from systemctl_replacement.unitfile import capabilities
from systemctl_replacement.unitfile.directives import table as directives
from systemctl_replacement.unitfile.directives.honoured import NEEDS_NICE, Needs
from systemctl_replacement.unitfile.directives.not_applied import not_applied
from systemctl_replacement.unitfile.implied import user_of
from systemctl_replacement.unitfile.load import Unit, load
from systemctl_replacement.unitfile.loadpath import Index
from systemctl_replacement.unitfile.specifiers import Host


def unit(tmp_path: Path, settings: str, head: str = "") -> Unit:
    (tmp_path / "a.service").write_text(f"[Unit]\n{head}\n[Service]\nExecStart=/bin/true\n{settings}\n")
    return load("a.service", Index([str(tmp_path)]), Host())


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ("", []),
        ("User=nobody\nNice=5\nCapabilityBoundingSet=CAP_CHOWN\nNoNewPrivileges=yes", []),
        ("MemoryMax=1G\nPrivateTmp=yes\nTasksMax=5\nSystemCallFilter=@system-service",
         ["PrivateTmp", "SystemCallFilter", "MemoryMax", "TasksMax"]),
        ("PrivateTmp=yes\nPrivateTmp=no\nProtectSystem=no\nProtectHome=false\nRestrictNamespaces=no", []),
        ("MemoryMax=infinity\nTasksMax=infinity\nDelegate=no\nReadWritePaths=/a\nReadWritePaths=", []),
        ("MemorySwapMax=0", ["MemorySwapMax"]),
        ("ReadOnlyDirectories=/etc", ["ReadOnlyPaths"]),
        ("DynamicUser=yes", ["PrivateTmp", "ProtectSystem", "RestrictSUIDSGID", "ProtectHome"]),
        ("DynamicUser=no", []),
        ("Slice=x.slice\nMemoryAccounting=yes\nIOAccounting=yes", ["IOAccounting"]),
    ],
)  # fmt: skip
def test_not_applied(tmp_path: Path, settings: str, expected: list[str]) -> None:
    assert not_applied(unit(tmp_path, settings)) == expected


def test_not_applied_of_the_unit_itself(tmp_path: Path) -> None:
    assert not_applied(unit(tmp_path, "", "RebootArgument=x\nConditionPathExists=/")) == ["RebootArgument"]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ("DynamicUser=yes", ("a", "a", "strict", "read-only")),
        ("DynamicUser=yes\nUser=b\nProtectSystem=no\nProtectHome=yes", ("b", "b", "strict", "yes")),
        ("DynamicUser=yes\nGroup=c", ("a", "c", "strict", "read-only")),
        ("DynamicUser=no", ("", "", "no", "no")),
    ],
)
def test_a_dynamic_user_implies_a_sandbox(tmp_path: Path, settings: str, expected: tuple[str, ...]) -> None:
    found = unit(tmp_path, settings)
    assert tuple(found.get("Service", name) for name in ("User", "Group", "ProtectSystem", "ProtectHome")) == expected
    for name in ("PrivateTmp", "RemoveIPC", "NoNewPrivileges", "RestrictSUIDSGID"):
        assert found.get("Service", name) == (expected[0] != "")


@pytest.mark.parametrize(
    ("name", "user"),
    [
        ("foo.service", "foo"),
        ("foo@bar.service", "foo"),
        ("_x-1.service", "_x-1"),
        ("weird.name.service", "_du3249f22e6eed68b8"),
    ],
)
def test_name_of_a_dynamic_user(name: str, user: str) -> None:
    assert user_of(name) == user


@pytest.mark.parametrize("name", ["0a.service", "-a.service", "a" * 32 + ".service", "\u00e4.service", "a:b.service"])
def test_names_that_no_user_may_have(name: str) -> None:
    assert user_of(name).startswith("_du")


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ((), capabilities.ALL),
        (("",), 0),
        (("~",), capabilities.ALL),
        (("CAP_CHOWN cap_kill CAP_BOGUS",), 0b100001),
        (("", "~CAP_KILL"), 0),
        (("CAP_CHOWN", "CAP_KILL", "~CAP_CHOWN"), 0b100000),
        (("~CAP_CHOWN", "~CAP_KILL"), capabilities.ALL & ~0b100001),
    ],
)
def test_capability_masks(items: tuple[str, ...], expected: int) -> None:
    assert capabilities.mask(items, capabilities.ALL) == expected


def test_directories_are_made_from_above(tmp_path: Path) -> None:
    found = unit(tmp_path, "StateDirectory=b/c a-b a/x b a b:link")
    assert found.get("Service", "StateDirectory") == (("a",), ("a/x",), ("a-b",), ("b", "link"), ("b/c",))


@pytest.mark.parametrize("section", directives.SECTIONS)
def test_the_privilege_that_a_directive_takes_is_the_one_that_its_reason_names(section: str) -> None:
    for row in directives.section_table(section).values():
        named = set(re.findall("CAP_[A-Z_]+", row.honoured.reason))
        samples: list[Any] = [-1, "fifo", "realtime", ("x",), "x", frozenset(("x",)), True]
        needs = row.honoured.needs
        taken = {name for value in samples for name in _of(needs, value)} if needs is not None else set()
        if row.honoured is NEEDS_NICE:
            continue  # they come with a class or a policy, which says it
        assert named <= taken or not named, row
        assert needs is None or not needs.of(None if row.default is None else row.default), row


def _of(needs: Needs, value: object) -> frozenset[str]:
    try:
        return needs.of(value)
    except (TypeError, AttributeError):
        return frozenset()  # no value of this directive


def test_the_privilege_of_a_value() -> None:
    table = directives.section_table("Service")

    def needs(name: str, value: object) -> set[str]:
        row = table[name].honoured
        assert row.needs is not None
        return set(row.needs.of(value))

    assert (needs("Nice", -5), needs("Nice", 5), needs("Nice", 0)) == ({"CAP_SYS_NICE"}, set(), set())
    assert (needs("OOMScoreAdjust", -1), needs("OOMScoreAdjust", None)) == ({"CAP_SYS_RESOURCE"}, set())
    assert (needs("CPUSchedulingPolicy", "rr"), needs("CPUSchedulingPolicy", "batch")) == ({"CAP_SYS_NICE"}, set())
    assert needs("IOSchedulingClass", "realtime") == {"CAP_SYS_NICE"}
    assert needs("AmbientCapabilities", ("CAP_CHOWN cap_kill",)) == {"CAP_CHOWN", "CAP_KILL"}
    assert needs("User", "x") == {"CAP_SETUID", "CAP_SETGID"}
    assert needs("RootDirectory", "") == set()
