"""What the unit files say when no manager runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from systemctl_replacement.cli.offline import FileManager
from systemctl_replacement.paths import Paths
from tests.unit.cli.conftest import Run

CASES = {
    "a.service": ("[Service]\nExecStart=/bin/true\n", "yes yes no"),
    "reload.service": ("[Service]\nExecStart=/bin/true\nExecReload=/bin/true\n", "yes yes yes"),
    "notify.service": ("[Service]\nType=notify-reload\nExecStart=/bin/true\n", "yes yes yes"),
    "refuses.service": (
        "[Unit]\nRefuseManualStart=yes\nRefuseManualStop=yes\n[Service]\nExecStart=/bin/true\n",
        "no no no",
    ),
    "missing.service": ("", "no yes no"),
    "x.mount": ("[Mount]\nWhat=a\nWhere=/x\n", "yes yes yes"),
    "a.timer": ("[Timer]\nOnBootSec=1\n", "yes yes no"),
    "a.target": ("[Unit]\n", "yes yes no"),
    "passes.target": ("[Unit]\nPropagatesReloadTo=a.service\n", "yes yes yes"),
    "system.slice": ("", "yes no no"),
}


@pytest.mark.parametrize("name", CASES)
def test_what_a_unit_can_be_asked_for(tmp_path: Path, name: str) -> None:
    """As a manager answers (manager/jobs/job_view.py): by the table of types and the unit's kind."""
    text, expected = CASES[name]
    if text:
        file = tmp_path / "etc/systemd/system" / name
        file.parent.mkdir(parents=True)
        file.write_text(text, encoding="utf-8")
    shown = FileManager(Paths(str(tmp_path))).call("Show", names=[name])["units"][0]["properties"]
    found = [shown[key] for key in ("CanStart", "CanStop", "CanReload")]
    assert " ".join("yes" if value else "no" for value in found) == expected


@pytest.mark.parametrize(("persistent", "removed"), [("yes", True), ("no", False)])
def test_the_stamp_file_of_a_timer_can_be_cleaned(run: Run, tmp_path: Path, persistent: str, removed: bool) -> None:
    file = tmp_path / "etc/systemd/system/a.timer"
    stamp = tmp_path / "var/lib/systemd/timers/stamp-a.timer"
    for path in (file, stamp):
        path.parent.mkdir(parents=True)
        path.touch()
    file.write_text(f"[Timer]\nOnCalendar=daily\nPersistent={persistent}\n", encoding="utf-8")
    done = run(f"--root={tmp_path}", "clean", "--what=state", "a.timer")
    assert (done.returncode == 0, stamp.exists()) == (removed, not removed)
