"""Which conditions an image has decided, and what follows."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.check.images import TestImage

RUNS, SKIPPED = True, False


@pytest.fixture
def image(tmp_path: Path) -> TestImage:
    return TestImage(tmp_path)


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ("PathExists=/etc/passwd", RUNS),
        ("PathExists=!/etc/passwd", SKIPPED),
        ("PathExists=/etc/nowhere", SKIPPED),
        ("PathExists=/etc/loop", SKIPPED),
        ("PathExists=/etc/up", RUNS),
        ("PathIsSymbolicLink=/etc/up", RUNS),
        ("PathIsSymbolicLink=/etc/passwd", SKIPPED),
        ("PathIsDirectory=/etc", RUNS),
        ("DirectoryNotEmpty=/etc", RUNS),
        ("FileNotEmpty=/etc/empty", SKIPPED),
        ("FileIsExecutable=/bin/sh", RUNS),
        ("FileIsExecutable=/etc/passwd", SKIPPED),
        ("Virtualization=container", RUNS),
        ("Virtualization=docker", RUNS),
        ("Virtualization=!container", SKIPPED),
        ("Virtualization=podman", SKIPPED),
        ("Virtualization=vm", SKIPPED),
        ("User=root", RUNS),
        ("User=33", SKIPPED),
        ("Capability=CAP_CHOWN", RUNS),
        ("Capability=!CAP_SYS_ADMIN", RUNS),
        ("Capability=CAP_SYS_ADMIN", SKIPPED),
        ("Capability=nonsense", SKIPPED),
        ("ACPower=true", RUNS),
        ("ACPower=false", SKIPPED),
        # What only the container can tell keeps nobody from being looked at.
        ("PathExists=/run/nowhere", RUNS),
        ("PathExists=!/proc/1", RUNS),
        ("PathExists=/etc/run", RUNS),
        ("PathIsMountPoint=/etc", RUNS),
        ("PathIsReadWrite=/etc", RUNS),
        ("KernelCommandLine=nosuch", RUNS),
        ("KernelVersion=<1", RUNS),
        ("Environment=NOSUCH", RUNS),
        ("NeedsUpdate=/etc", RUNS),
        ("Memory=>1000T", RUNS),
        ("Virtualization=private-users", RUNS),
        ("Host=nosuch", RUNS),
        # One of those with a bar must be met.
        ("PathExists=|/etc/nowhere\nConditionPathExists=|/etc/passwd", RUNS),
        ("PathExists=|/etc/nowhere\nConditionPathExists=|/etc/nothing", SKIPPED),
        ("PathExists=|/etc/nowhere\nConditionPathExists=|/run/nowhere", RUNS),
        ("PathExists=|/etc/passwd\nConditionPathExists=/etc/nowhere", SKIPPED),
    ],
)
def test_conditions(image: TestImage, conditions: str, expected: bool) -> None:
    image.link("/etc/loop", "/etc/loop")
    image.link("/etc/passwd", "/etc/up")
    image.link("/run/x", "/etc/run")
    image.write("/etc/empty", "")
    image.service("", f"Condition{conditions}")
    report = image.check()
    assert ("a.service" in report.starts) == expected
    assert [skipped.unit for skipped in report.skipped] == ([] if expected else ["a.service"])


def test_conditions_depend_on_the_profile(image: TestImage) -> None:
    image.service("", "ConditionUser=root")
    assert "a.service" not in image.check("openshift").starts
    image.service("", "ConditionCapability=CAP_SYS_ADMIN")
    assert "a.service" in image.check("privileged").starts
    image.service("", "ConditionVirtualization=podman")
    assert "a.service" in image.check("podman").starts


@contextlib.contextmanager
def without_privilege(directory: Path) -> Iterator[None]:
    """As a user who may not look everywhere, but into the directory. Nothing to do for who is not root."""
    if os.geteuid() != 0:
        yield
        return
    directory.chmod(0o755)
    os.setresuid(65534, 65534, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)


def test_what_may_not_be_looked_at_is_not_decided(image: TestImage) -> None:
    image.write("/srv/x", "x")
    image.path("/srv").chmod(0)
    image.service("ExecStart=/srv/x", "AssertPathExists=/srv/x")
    with without_privilege(image.root):
        assert image.found() == []
    image.path("/srv").chmod(0o755)
    with without_privilege(image.root):
        assert image.found() != []
