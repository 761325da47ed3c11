"""The unit files we ship, and the list of units that a container skips."""

from __future__ import annotations

import fnmatch
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from systemctl_replacement.enablement.directories import system_directories
from systemctl_replacement.enablement.planned_tree import PlannedTree
from systemctl_replacement.enablement.presets import Presets, parse_rules, read_presets

UNITS = Path(__file__).resolve().parents[1] / "units"
SKIP_LIST = UNITS / "skip-in-container.conf"
PRESETS = UNITS / "90-systemd.preset"
PRESETS_OF_SYSTEMD = Path("/lib/systemd/system-preset/90-systemd.preset")
KEPT = (
    "systemd-tmpfiles-setup.service",
    "systemd-sysusers.service",
    "systemd-user-sessions.service",  # lifts /run/nologin
    "dbus.service",
    "dbus.socket",
    "cron.service",
    # Their cron jobs do nothing where /run/systemd/system exists.
    "apt-daily.timer",
    "apt-daily.service",
    "dpkg-db-backup.timer",
    "e2scrub_all.timer",
    "logrotate.service",
    "man-db.service",
    "systemd-tmpfiles-clean.service",
    "systemd-exit.service",
    "systemd-poweroff.service",
)


def skipped(name: str) -> bool:
    """The entries of the list, read by the rules in its head."""
    result = False
    for line in SKIP_LIST.read_text(encoding="utf-8").splitlines():
        pattern, *when = line.partition("#")[0].split() or [""]
        if not when and fnmatch.fnmatchcase(name, pattern.lstrip("!")):
            result = not pattern.startswith("!")
    return result


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_systemd_finds_nothing_wrong() -> None:
    of_packages = ("syslog.socket",)  # whose service is a package's
    names = [name for name in os.listdir(UNITS) if not name.endswith((".conf", ".preset", *of_packages))]
    result = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--recursive-errors=yes", *(f"{UNITS}/{name}" for name in names)],
        env={"SYSTEMD_UNIT_PATH": str(UNITS), "PATH": os.defpath},
        capture_output=True,
        text=True,
    )
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.skipif(not PRESETS_OF_SYSTEMD.is_file(), reason="needs the package systemd")
def test_presets_say_of_them_what_those_of_systemd_say() -> None:
    theirs, ours = (Presets(tuple(parse_rules(path.read_bytes(), "")[0]), ()) for path in (PRESETS_OF_SYSTEMD, PRESETS))
    names = [path.name for path in UNITS.iterdir() if path.suffix not in (".conf", ".preset")]
    assert {name: ours.query(name) for name in names} == {name: theirs.query(name) for name in names}


def test_presets_are_read_from_beside_the_units(tmp_path: Path) -> None:
    directories = system_directories([str(UNITS)], "", str(UNITS))
    assert not read_presets(PlannedTree(), directories).query("halt.target").enable
    # Below a root the image's presets count.
    assert (
        read_presets(PlannedTree(str(tmp_path)), system_directories([], str(tmp_path), str(UNITS)))
        .query("halt.target")
        .enable
    )


@pytest.mark.parametrize("line", SKIP_LIST.read_text(encoding="utf-8").splitlines())
def test_every_line_names_units_and_a_reason(line: str) -> None:
    pattern, hash_sign, reason = line.partition("#")
    if pattern.strip():
        assert "." in pattern or "*" in pattern or pattern.strip().endswith("-generator")
        assert pattern.split()[1:] in ([], ["not-pid-1"], ["not-root"], ["cannot-mount"], ["always"])
        assert hash_sign and reason.strip()
        assert "likewise" not in reason and "a name of" not in reason  # each is shown alone


def test_what_a_container_needs_is_not_skipped() -> None:
    ours = [name for name in os.listdir(UNITS) if not name.endswith((".conf", ".preset"))]
    assert not [name for name in [*KEPT, *ours] if skipped(name)]
    assert skipped("systemd-udevd.service")
