"""The generator of units for init scripts, where it cannot write what it makes."""

from __future__ import annotations

from pathlib import Path

import pytest

from systemctl_replacement.manager.generators.init_script_units import generate


def test_a_full_disk_costs_a_script_its_unit_and_no_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scripts, links, target = (tmp_path / name for name in ("init.d", "rc", "units"))
    for directory in (scripts, links / "rc3.d", target):
        directory.mkdir(parents=True)
    for name in ("a", "b", "c"):
        (scripts / name).write_text("#!/bin/sh\n")
        (scripts / name).chmod(0o755)
        (links / f"rc3.d/S01{name}").symlink_to(f"../../init.d/{name}")
    (target / "b.service").symlink_to("/dev/full")
    generate(str(scripts), str(links), (), str(target))
    made = sorted(path.name for path in target.iterdir() if path.suffix == ".service")
    assert made == ["a.service", "c.service"]
    assert sorted(path.name for path in (target / "multi-user.target.wants").iterdir()) == made
    assert capsys.readouterr().out == f"Cannot make a unit of {scripts}/b: No space left on device\n"
