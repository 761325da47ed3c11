"""What conditions ask of the machine, and how an unknown answer counts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from systemctl_replacement.manager.conditions import host_probes
from systemctl_replacement.manager.conditions.check import Checker
from systemctl_replacement.unitfile.parsers.conditions import Condition
from systemctl_replacement.unitfile.specifiers import Host


class Unit:
    """The parts of a unit that a checker looks at."""

    id = "a.service"

    def __init__(self, *conditions: Condition) -> None:
        self._conditions = conditions

    def get(self, section: str, name: str) -> tuple[Condition, ...]:
        return self._conditions if (section, name) == ("Unit", "Conditions") else ()


@pytest.fixture
def logged() -> Iterator[list[str]]:
    yield []


def holds(logged: list[str], *conditions: Condition) -> bool:
    def log(unit: str, level: int, text: str) -> None:
        logged.append(text)

    checker = Checker("", Host, dict, lambda: "docker", log)
    return checker.hold(Unit(*conditions), "Conditions")[0]  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["Capability", "Memory", "CPUs", "ACPower", "MemoryPressure", "KernelVersionX"])
@pytest.mark.parametrize("negate", [False, True])
def test_what_cannot_be_told_fails_negated_or_not(logged: list[str], kind: str, negate: bool) -> None:
    assert not holds(logged, Condition(kind, False, negate, "nonsense"))
    assert "Couldn't determine result" in logged[0]


def test_triggers(logged: list[str]) -> None:
    here, gone = (Condition("PathExists", True, negate, "/") for negate in (False, True))
    plain = Condition("PathExists", False, True, "/")
    assert holds(logged, gone, here)
    assert not holds(logged, gone, gone)
    assert not holds(logged, here, plain)


def test_pressure() -> None:
    assert host_probes.is_pressure_below("memory", "100%")
    assert host_probes.is_pressure_below("cpu", "nowhere.slice:0%/10s")
    for wrong in ("x", "10%/2min", "101%", "%"):
        with pytest.raises((ValueError, OverflowError)):
            host_probes.is_pressure_below("io", wrong)


def test_control_groups() -> None:
    assert host_probes.has_controllers("no-such-controller")
    assert not host_probes.has_controllers("memory")
    assert host_probes.has_controllers("v1") != host_probes.has_controllers("v2")
