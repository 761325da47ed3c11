"""What the collector knows of units: whose a process is, and nothing of what is gone."""

from __future__ import annotations

from typing import Any

from systemctl_replacement.process.collector.units import Units


def told(*orders: dict[str, Any]) -> Units:
    units = Units()
    for order in orders:
        units.tell(order)
    return units


def of_unit(name: str, **what: Any) -> dict[str, Any]:
    return {"op": "unit", "unit": name, "invocation": name[0] * 32, "slice": "system.slice", **what}


def names(units: Units, *pids: int) -> list[str]:
    found = [units.of(pid) for pid in pids]
    return [unit.name if unit is not None else "" for unit in found]


def is_empty(units: Units) -> bool:
    return not (units._by_pid or units._by_name or units._orders)


def test_a_process_without_supervisor_has_its_unit_s_settings() -> None:
    journal = {"fields": {"EXTRA": "yes"}, "max_priority": 3}
    unit = told(of_unit("a.service", pid=11, journal=journal)).of(11)
    assert unit is not None
    assert (unit.invocation, unit.slice, unit.extra, unit.max_priority) == (
        "a" * 32,
        "system.slice",
        {"EXTRA": "yes"},
        3,
    )


def test_what_a_new_manager_does_not_tell_of_is_nobody_s() -> None:
    units = told(of_unit("a.service", supervisor=10), of_unit("b.service", supervisor=20), of_unit("b.service", pid=21))
    units.forget_all_but([20])
    assert names(units, 10, 20, 21) == ["", "b.service", ""]
    assert units.named("a.service") is None and units.named("b.service") is units.of(20)
    units.forget_all_but([])
    assert is_empty(units)


def test_a_number_that_another_unit_had_keeps_nothing_of_that() -> None:
    units = told(of_unit("old.service", supervisor=10), of_unit("new.service", supervisor=10))
    assert names(units, 10) == ["new.service"] and units.named("old.service") is None
    units.forget(10)
    assert is_empty(units)


def test_told_again_a_unit_is_the_same() -> None:
    units = told(of_unit("a.service", supervisor=10))
    before = units.of(10)
    units.tell(of_unit("a.service", supervisor=10))
    assert units.of(10) is before is units.named("a.service")


def test_a_renamed_unit_is_forgotten_by_its_new_name() -> None:
    units = told(of_unit("a.service", supervisor=10))
    units.rename("a.service", "b.service")
    assert names(units, 10) == ["b.service"]
    units.forget(10)
    assert is_empty(units)
