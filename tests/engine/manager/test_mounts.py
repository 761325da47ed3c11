"""Mount units below a root (`--root=`): their Where= names directories of this system, which is not theirs."""

from __future__ import annotations

from pathlib import Path

from systemctl_replacement.unitfile.names import escape_path
from tests.engine.manager.engine import Engine


def test_nothing_is_mounted_or_shown_of_this_system() -> None:
    engine = Engine()
    # If it were mounted after all, then only below this directory.
    where = engine.root / "point"
    name = f"{escape_path(str(where))}.mount"
    engine.write(name, f"[Mount]\nWhat=none\nWhere={where}\nType=tmpfs\n")
    engine.write("at-boot.target", f"[Unit]\nWants={name}\n")
    engine.boot = ("at-boot.target",)
    with engine:
        assert engine.sub(name) == "dead"
        assert engine.run("start", name) == "failed"
        engine.wait_said("Nothing is mounted with --root=")
        assert not where.exists()
        assert str(where) not in Path("/proc/self/mountinfo").read_text()
        units = [unit["id"] for unit in engine.call("Units", patterns=["*.mount"])["units"]]
        assert set(units) <= {name, "-.mount"}
