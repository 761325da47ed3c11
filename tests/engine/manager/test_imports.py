"""What a manager of services imports: nothing for the types of units that it does not run."""

from __future__ import annotations

from systemctl_replacement.units.table import TYPES
from tests.engine.manager.engine import Engine, wait_for

# Tells what is imported each time that the manager waits.
_TELLS = """
import os
from systemctl_replacement import loop
def wait(self, wait=loop.Loop._wait, pid=os.getpid()):
    if os.getpid() == pid:
        with open("@ROOT@/modules.new", "w") as file:
            file.write(chr(10).join(sys.modules))
        os.rename("@ROOT@/modules.new", "@ROOT@/modules")
    wait(self)
loop.Loop._wait = wait
"""

# What every service needs, or the units that are always there.
_NEEDED = {"service", "target", "slice"}
# Every service is ordered after systemd-journald.socket: what is to be known of a socket that is down.
_KNOWN = {f"systemctl_replacement.units.socket{name}" for name in ("", ".kind", ".config", ".state", ".states")}
_LATE = ("calendar", "unitfile.directives.socket", "unitfile.parsers.socket", "manager.ports", "manager.bus")
_ALWAYS = {f"systemctl_replacement.manager.{name}" for name in ("ports", "ports.of_units", "bus", "bus.door")}


def imported_by(units: dict[str, str], unit: str, sub: str) -> list[str]:
    """All modules of a manager with these units, one of which it boots."""
    with Engine(units, boot=[unit], change=_TELLS) as engine:
        engine.wait_sub(unit, sub)
        modules = engine.root / "modules"
        names: list[str] = wait_for(lambda: modules.exists() and modules.read_text().split(), "what is imported")
    return names


def test_timers_need_nothing_of_sockets_and_paths() -> None:
    units = {"a.timer": "[Timer]\nOnCalendar=daily\n", "a.service": "[Service]\nExecStart=/bin/true\n"}
    names = imported_by(units, "a.timer", "waiting")
    ports = "systemctl_replacement.manager.ports"
    found = {name.rpartition(".")[2] for name in names if name.startswith(f"{ports}.")}
    assert found == {"of_units", "held", "clocks", "zone_watch"}


def test_services_alone() -> None:
    names = imported_by({"a.service": "[Service]\nExecStart=/bin/sleep infinity\n"}, "a.service", "running")
    assert "systemctl_replacement.units.service.step" in names
    kinds = {f"units{traits.kind.replace('.kind', '')}" for name, traits in TYPES.items() if name not in _NEEDED}
    rooms = [f"systemctl_replacement.{name}" for name in (*kinds, *_LATE)]
    found = {name for name in names for room in rooms if name == room or name.startswith(f"{room}.")}
    assert sorted(found - _KNOWN - _ALWAYS) == []
