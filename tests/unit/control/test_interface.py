from __future__ import annotations

from typing import Any

import pytest

from systemctl_replacement.control.address import MANAGER
from systemctl_replacement.control.interface import InterfaceError, InvalidParameter, parse
from systemctl_replacement.control.server import SERVICE, description

EXAMPLE = """
# a comment
interface org.example-1.test
type Color (red, green)
type Point (x: int, y: ?float)
method Draw(points: []Point, color: ?Color, names: [string]string, any: object) -> ()
error Bad (why: string)
"""


@pytest.mark.parametrize("name", [MANAGER, SERVICE])
def test_shipped_descriptions_are_valid(name: str) -> None:
    assert parse(description(name)).name == name


GOOD = {"points": [{"x": 1}], "names": {"a": "b"}, "any": [1, None]}


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({}, None),
        ({"color": "red"}, None),
        ({"color": None}, None),
        ({"points": [{"x": 1, "y": 2}]}, None),
        ({"color": "blue"}, "color"),
        ({"color": 1}, "color"),
        ({"points": [{"x": 1}, {"x": True}]}, "points[1].x"),
        ({"points": [{"x": 1, "z": 1}]}, "points[0].z"),
        ({"points": {"x": 1}}, "points"),
        ({"points": ["x"]}, "points[0]"),
        ({"points": None}, "points"),
        ({"names": {"a": 1}}, "names[a]"),
        ({"extra": 1}, "extra"),
    ],
)
def test_values_are_checked(change: dict[str, Any], where: str | None) -> None:
    interface = parse(EXAMPLE)
    given, _ = interface.methods["Draw"]
    if where is None:
        interface.check({**GOOD, **change}, given)
    else:
        with pytest.raises(InvalidParameter) as caught:
            interface.check({**GOOD, **change}, given)
        assert caught.value.parameter == where


def test_missing_parameters_are_named() -> None:
    interface = parse(EXAMPLE)
    with pytest.raises(InvalidParameter) as caught:
        interface.check({}, interface.methods["Draw"][0])
    assert caught.value.parameter == "points"
    with pytest.raises(InvalidParameter):
        interface.check([], interface.methods["Draw"][0])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "interface",
        "interface a.b\nmethod X()",
        "interface a.b\nmethod X() -> (a: Unknown)",
        "interface a.b\nmethod X(a: int, b) -> ()",
        "interface a.b\nmethod X(a, b: int) -> ()",
        "interface a.b\nmethod X(a: int a: int) -> ()",
        "interface a.b\nmethod X(a: int, a: int) -> ()",
        "interface a.b\ntype X (a: int)\ntype X (b: int)",
        "interface a.b\nsomething X ()",
        "interface a.b\ntype X (a: [int]string)",
        "interface a.b\ntype X (a: ;)",
        "interface a.b\ntype 1X (a: int)",
    ],
)
def test_bad_descriptions_are_refused(text: str) -> None:
    with pytest.raises(InterfaceError):
        parse(text)
