"""The rules of the house that CONTRIBUTING.md lists, held by looking at the sources."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from systemctl_replacement.unitfile.directives.table import TYPE_SECTIONS
from systemctl_replacement.unitfile.names import UNIT_TYPES

TOP = Path(__file__).resolve().parents[1]
PACKAGE = TOP / "systemctl_replacement"
LONGEST_MODULE = 500
WIDEST_TEXT = 100

# Anyone may import these: they import nothing of ours and little else. (`__init__` is the version.)
LEAVES = {
    "__init__",
    "command_line",
    "loop",
    "fair_queue",
    "wire",
    "syscalls",
    "paths",
    "phases",
    "signals",
    "log_levels",
    "observers",
    "wait_status",
    "exec_directories",
    "exit_status",
    "records",
    "libc",
    "siphash",
    "tree_walk",
    "booleans",
    "columns",
    "few_names",
    "terminal_settings",
    "defaults",
    "log_limit",
    "message_ids",
}
# For each room what it may import besides itself and the leaves: a room, or modules of one.
MAY_IMPORT: dict[str, set[str]] = {
    "calendar": set(),
    "unitfile": {"calendar", "units.table"},
    "enablement": {"unitfile"},
    "jobs": {"unitfile"},
    "units": {"unitfile", "calendar"},
    "journal": set(),
    "process": {"journal.writer", "journal.record", "journal.names"},
    "control": set(),
    "supervision": {"process", "units", "journal"},
    "manager": {
        "calendar",
        "unitfile",
        "jobs",
        "units",
        "process",
        "supervision",
        "journal",
        "control.address",
        "control.request",
        "control.kept_clients",
        "control.init_process",
        "control.interface",
        "control.listener",
        "control.server",
        "control.shell_form",
        "control.socket_guard",
    },
    "check": {"unitfile", "enablement", "jobs", "units", "manager"},
    "cli": {
        "check",
        "control.client",
        "control.address",
        "control.activate",
        "control.init_process",
        "control.shell_form",
        "unitfile",
        "enablement",
        "calendar",
        "jobs",
        "journal",
        "units.table",
    },
    "image": {"unitfile.capabilities"},
}
# There is one supervisor per unit: what it and the processes it is forked from import costs memory that many times.
TOO_HEAVY_FOR_PROCESSES = {
    "asyncio",
    "dataclasses",
    "enum",
    "json",
    "logging",
    "re",
    "selectors",
    "signal",
    "socket",
} | {
    "subprocess",
    "threading",
    "typing",
}
LIGHT_PROGRAMS = ("process.forkserver", "process.supervisor", "process.console", "process.collector.process")

# What answers clients.
HANDLERS = ("manager.methods", "manager.manager", "manager.jobs.")

# Attributes of classes that `_ctypes`, `_json` and `dataclasses` look for.
READ_FROM_OUTSIDE = {
    "_field_type",
    "_fields_",
    "_flags_",
    "_restype_",
    "_type_",
    "object_hook",
    "object_pairs_hook",
    "parse_constant",
    "parse_float",
    "parse_int",
}

MODULES = sorted(PACKAGE.rglob("*.py"))
SCRIPTS = [path for room in ("tests", "benchmarks", "release", "tools") for path in sorted((TOP / room).rglob("*.py"))]
PAGES = [path for room in (TOP, TOP / "docs", TOP / "benchmarks") for path in sorted(room.glob("*.md"))]


def name_of(path: Path) -> str:
    """Module name below the package: "unitfile.syntax", or "unitfile" for its __init__."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


@cache
def parsed(path: Path) -> ast.Module:
    """The syntax tree of a file. Nobody changes it."""
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def imported(path: Path) -> frozenset[str]:
    """Names of the modules of ours that are imported, wherever in the file the statement stands."""
    return frozenset(imported_by(parsed(path), path))


def imported_by(module: ast.Module, path: Path) -> Iterator[str]:
    for node in ast.walk(module):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = path.relative_to(PACKAGE.parent).parts[: -node.level]
                base = ".".join((*parents, base) if base else parents)
            names = [f"{base}.{alias.name}" for alias in node.names]
        for name in names:
            package, _, rest = name.partition(".")
            if package == PACKAGE.name:
                yield to_module(rest)


@cache
def to_module(name: str) -> str:
    """`unitfile.syntax.parse` and `unitfile.syntax` are both the module `unitfile.syntax`."""
    while name:
        path = PACKAGE.joinpath(*name.split("."))
        if path.with_suffix(".py").is_file() or (path / "__init__.py").is_file():
            return name
        name = name.rpartition(".")[0]
    return "__init__"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports(path: Path) -> None:
    module = name_of(path)
    room = module.split(".")[0]
    if room == "__main__":
        return
    allowed = MAY_IMPORT.get(room, set())
    for other in imported(path):
        others_room = other.split(".")[0]
        own = others_room == room and room in MAY_IMPORT
        assert own or other in LEAVES or other in allowed or others_room in allowed, f"{module} may not import {other}"


def needed(path: Path) -> set[str]:
    """Modules of ours that one needs when it runs: what is imported for the type checker alone does not count."""
    module = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(module):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            node.body = [ast.Pass()]
    return set(imported_by(module, path))


def test_no_circles() -> None:
    """Imports go one way, also those that stand in functions."""
    imports = {name_of(path): needed(path) - {name_of(path), "__init__"} for path in MODULES}
    while free := [module for module, others in imports.items() if not others & imports.keys()]:
        for module in free:
            del imports[module]
    # What is left imports a circle, or is in one: those that nobody left imports are not.
    while free := [module for module in imports if not any(module in others for others in imports.values())]:
        for module in free:
            del imports[module]
    assert not imports, "these import each other: " + ", ".join(sorted(imports))


@pytest.mark.parametrize("path", [path for path in MODULES if name_of(path).startswith(HANDLERS)], ids=name_of)
def test_handlers_know_no_transport(path: Path) -> None:
    """What clients may ask is answered in the same way however they ask."""
    used = {module for module in imported(path) if module.split(".")[0] == "control"}
    assert used <= {"control.request"}


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_length_and_purpose(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= LONGEST_MODULE, f"{lines} lines are more than one concept"
    assert ast.get_docstring(parsed(path)), f"{name_of(path)} does not say why it exists"


def test_length_of_tests() -> None:
    lines = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in (TOP / "tests").rglob("*.py")}
    long = {str(path.relative_to(TOP)): number for path, number in lines.items() if number > LONGEST_MODULE}
    assert not long, "these are more than one concept"


# Rooms that run or show units of any kind: what is special to one is asked of it or of the table (units/table.py).
KNOW_NO_TYPE = ("manager", "supervision", "check", "cli")
# Where a name's ending is meant, not what such a unit is.
MEAN_THE_NAME = {
    "cli.unit_files_sysv": "an init script `foo` is what `foo.service` is made of",
}
# What of units/ is the same for all kinds.
OF_ANY_KIND = {
    "units",
    *(f"units.{name}" for name in ("bus_events", "dates", "events", "kind", "listen_on", "mounted")),
    *(f"units.{name}" for name in ("numbers", "ratelimit", "states", "table")),
}
_SECTIONS = set(TYPE_SECTIONS.values())
# "Slice" is a directive, too.
_TYPE_NAMES = {*UNIT_TYPES, *(f".{unit_type}" for unit_type in UNIT_TYPES), *(_SECTIONS - {"Slice"})}


def type_names_compared(module: ast.Module) -> Iterator[str]:
    """Where the name of a unit type or of its section is compared with, looked for, or a key of a table with several;
    and where a directive is read from the section of a type."""
    for node in ast.walk(module):
        words: list[ast.expr | None] = []
        if isinstance(node, ast.Compare):
            words = [node.left, *node.comparators]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            words = list(node.args) if node.func.attr in ("startswith", "endswith", "removesuffix") else []
        elif isinstance(node, ast.Dict):
            words = list(node.keys)
        parts = [part for word in words if word is not None for part in ast.walk(word)]
        named = [part for part in parts if isinstance(part, ast.Constant) and part.value in _TYPE_NAMES]
        pair = node.elts if isinstance(node, ast.Tuple) else node.args if isinstance(node, ast.Call) else []
        if len(pair) == 2 and isinstance(pair[0], ast.Constant) and pair[0].value in _SECTIONS:
            # The second one is a directive, and not what is taken where a property is missing.
            named += [pair[0]] if not isinstance(pair[1], ast.Constant) or pair[1].value else []
        if len(named) > isinstance(node, ast.Dict):  # a single "path" is a word like any other
            yield from (f"line {part.lineno}: {part.value!r}" for part in named)


@pytest.mark.parametrize(
    "text",
    [
        'unit.type == "service"',
        'unit.section == "Service"',
        'unit.type.startswith("socket")',
        'unit.id.endswith((".mount", ".swap"))',
        'get("Service", "Type")',
    ],
)
def test_the_name_of_a_type_is_seen(text: str) -> None:
    assert list(type_names_compared(ast.parse(text)))


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_types_are_known_by_their_kind_alone(path: Path) -> None:
    module = name_of(path)
    if module.split(".")[0] not in KNOW_NO_TYPE:
        return
    particular = {other for other in imported(path) if other.split(".")[0] == "units"} - OF_ANY_KIND
    assert not particular, f"{module} imports {', '.join(sorted(particular))}: what is special to a kind is asked of it"
    found = list(type_names_compared(parsed(path)))
    assert bool(found) == (module in MEAN_THE_NAME), f"{module} knows a type of units: {'; '.join(found)}"


def test_main_decides_before_it_imports() -> None:
    tree = ast.parse((PACKAGE / "__main__.py").read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.Import):
            names = {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names = {str(node.module)}
        else:
            continue
        assert names <= {"__future__", "os", "posix", "sys", "_signal", "systemctl_replacement.command_line"}, (
            f"line {node.lineno}: {names} at import time"
        )


@pytest.mark.parametrize("program", LIGHT_PROGRAMS)
def test_processes_stay_small(program: str) -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(PACKAGE.parent)!r}); before = set(sys.modules)\n"
        f"import {PACKAGE.name}.{program}; print('\\n'.join(set(sys.modules) - before))"
    )
    result = subprocess.run([sys.executable, "-ISXutf8", "-c", code], capture_output=True, text=True, check=True)
    heavy = TOO_HEAVY_FOR_PROCESSES & set(result.stdout.split())
    assert not heavy, f"{program} imports {', '.join(sorted(heavy))}"


def test_imports_are_absolute() -> None:
    for path in MODULES + SCRIPTS:
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.ImportFrom):
                assert not node.level, f"{path.relative_to(TOP)}, line {node.lineno}: a relative import"


def defined(module: ast.Module) -> Iterator[str]:
    """Names of functions, classes, methods, and of what is assigned at the top of a module or a class."""
    for node in ast.walk(module):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield node.name
        if isinstance(node, (ast.Module, ast.ClassDef)):
            for statement in node.body:
                if isinstance(statement, ast.Assign):
                    yield from (target.id for target in statement.targets if isinstance(target, ast.Name))
                elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
                    yield statement.target.id


def test_nothing_is_dead() -> None:
    """Every name that is defined occurs somewhere else too, and not only in tests.

    Words are counted, not uses: a name with another meaning elsewhere may go unnoticed, but there are no false alarms.
    """
    texts = [path.read_text(encoding="utf-8") for path in MODULES]
    definitions = Counter(name for path in MODULES for name in defined(parsed(path)))
    scripts = [path for path in (TOP / "tools").iterdir() if path.is_file()]
    words = Counter(
        word for text in [*texts, *(path.read_text(encoding="utf-8") for path in scripts)]
        for word in re.findall(r"\w+", text)
    )  # fmt: skip
    special = READ_FROM_OUTSIDE | {name for name in definitions if name.startswith("__")}
    dead = [name for name, count in definitions.items() if words[name] <= count and name not in special]
    assert not dead, "nothing uses " + ", ".join(sorted(dead))


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(TOP)))
def test_markdown_is_wrapped(path: Path) -> None:
    """Tables and code are as wide as they must be."""
    code = False
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        code = code != line.startswith("```")
        fixed = code or line.startswith(("|", "    "))
        assert fixed or len(line) <= WIDEST_TEXT, f"line {number} has {len(line)} columns"
