"""show: a value or a unit that cannot be shown does not affect the others."""

from __future__ import annotations

from systemctl_replacement.manager.show import writable
from tests.unit.cli.conftest import FakeManager

DEFECT = "org.freedesktop.DBus.Error.Failed"


def test_values_without_a_json_text_are_named() -> None:
    fine = {"Id": "a.service", "Nice": 5}
    assert writable(fine) is fine
    found = writable({**fine, "StandardInputData": b"x", "Names": {"a"}, "Unprintable": ["UMask"]})
    assert found == {**fine, "Unprintable": ["UMask", "StandardInputData", "Names"]}


def test_one_value_costs_itself(manager: FakeManager) -> None:
    manager.add("a.service", Nice=5, Unprintable=["UMask"], CapabilityBoundingSet="no number")
    result = manager.run("show", "-p", "Id,Nice,UMask,CapabilityBoundingSet", "a")
    assert (result.returncode, result.stderr) == (0, "")
    assert sorted(result.stdout.splitlines()) == [
        "CapabilityBoundingSet=[unprintable]",
        "Id=a.service",
        "Nice=5",
        "UMask=[unprintable]",
    ]
    everything = manager.run("show", "a").stdout
    assert "UMask=[unprintable]\n" in everything
    assert "SubState=running\n" in everything


def test_one_unit_costs_itself(manager: FakeManager) -> None:
    for name in ("a.service", "b.service", "c.service"):
        manager.add(name)
    manager.failures["b.service"] = (DEFECT, "Internal error: TypeError: no")
    result = manager.run("show", "-p", "Id", "*")
    assert result.stdout == "Id=a.service\n\nId=c.service\n"
    assert result.stderr == "Failed to get properties of b.service: Internal error: TypeError: no\n"
    assert result.returncode == 1
