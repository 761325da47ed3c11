"""Records mean the same as standard dataclasses, without importing what these import."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from systemctl_replacement import records

REPOSITORY = Path(__file__).resolve().parents[2]


def classes(module: Any) -> tuple[Any, Any, Any]:
    """The same three classes, made by either module."""

    @module.dataclass(frozen=True)
    class Point:
        x: int
        y: int = 2
        names: tuple[str, ...] = ()
        more: dict[str, int] = module.field(default_factory=dict)

    @module.dataclass(frozen=True)
    class Named(Point):
        name: str = "origin"

        def __post_init__(self) -> None:
            if self.name == "":
                raise ValueError("a name, please")

    @module.dataclass(frozen=True)
    class Empty:
        pass

    return Point, Named, Empty


@pytest.mark.parametrize("module", [dataclasses, records], ids=["standard", "ours"])
def test_same_meaning(module: Any) -> None:
    Point, Named, Empty = classes(module)
    point = Point(1)
    assert (point.x, point.y, point.names, point.more) == (1, 2, (), {})
    assert point == Point(x=1, y=2) != Point(1, 3)
    assert point != Named(1) and Named(1) == Named(1, 2, (), {}, "origin")
    assert Point(1).more is not Point(1).more
    assert repr(point).endswith("Point(x=1, y=2, names=(), more={})")
    assert Empty() == Empty() and hash(Empty()) == hash(Empty())
    assert module.replace(Named(1), y=5) == Named(1, 5)
    assert [field.name for field in module.fields(Named)] == ["x", "y", "names", "more", "name"]
    assert module.is_dataclass(point) and module.is_dataclass(Point) and not module.is_dataclass(1)
    for wrong in (lambda: Point(), lambda: Point(1, z=2), lambda: Point(1, 2, (), {}, 5), lambda: hash(point)):
        with pytest.raises(TypeError):
            wrong()
    with pytest.raises(TypeError):
        Point(1, x=1)
    with pytest.raises(TypeError):
        module.replace(point, z=2)
    with pytest.raises(ValueError, match="a name"):
        Named(1, name="")
    with pytest.raises(ValueError, match="a name"):
        module.replace(Named(1), name="")
    with pytest.raises(AttributeError, match="cannot assign to field 'x'"):
        point.x = 2
    with pytest.raises(AttributeError, match="cannot delete field 'x'"):
        del point.x


def test_the_standard_functions_take_records() -> None:
    Point, _, _ = classes(records)
    assert dataclasses.replace(Point(1), y=7) == Point(1, 7)
    assert dataclasses.asdict(Point(1)) == {"x": 1, "y": 2, "names": (), "more": {}}


def test_changeable_records() -> None:
    @records.dataclass
    class Counter:
        count: int = 0

    counter = Counter()
    counter.count += 1
    assert counter == Counter(1)
    with pytest.raises(TypeError):
        hash(counter)


def test_the_manager_imports_little() -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(REPOSITORY)!r})\n"
        "import systemctl_replacement.manager.startup; print('\\n'.join(sys.modules))"
    )
    result = subprocess.run([sys.executable, "-ISXutf8", "-c", code], capture_output=True, text=True, check=True)
    heavy = {"collections", "dataclasses", "enum", "functools", "inspect", "re", "traceback", "typing"}
    assert not heavy & set(result.stdout.split())
