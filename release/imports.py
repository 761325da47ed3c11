"""Which modules of Python's library are imported by some sources, and by those modules in turn.

All import statements count, wherever in a file they stand.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Optional

# Imported by the interpreter itself, or by name.
_ALWAYS = ("encodings", "encodings.aliases", "encodings.ascii", "encodings.latin_1", "encodings.utf_8", "os")


def find(sources: Iterable[Path], search: Sequence[Path], without: Sequence[str]) -> list[Path]:
    """The files of all modules below the directories `search` that are needed, but for those `without`, sorted."""
    found: dict[str, Optional[Path]] = {}
    waiting = [*_ALWAYS, *{name for path in sources for name in imported(path, "")}]
    while waiting:
        name = waiting.pop()
        if name in found or any(f"{name}.".startswith(f"{other}.") for other in without):
            continue
        path = found[name] = _file(name, search)
        if path is not None:
            waiting += [name.rpartition(".")[0]] if "." in name else []
            if path.suffix == ".py":
                waiting += imported(path, name if path.name == "__init__.py" else name.rpartition(".")[0])
    return sorted(path for path in found.values() if path is not None)


def imported(path: Path, package: str) -> Iterator[str]:
    """The names that may be modules in the import statements of a file, which is in a package ("" for none)."""
    for node in _statements(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    """All statements in a node, without looking into expressions, which are most of a file and import nothing."""
    for field in ("body", "orelse", "finalbody", "handlers"):
        inner = getattr(node, field, ())
        for statement in inner if isinstance(inner, list) else ():
            yield statement
            yield from _statements(statement)


def _file(name: str, search: Sequence[Path]) -> Optional[Path]:
    for directory in search:
        stem = directory.joinpath(*name.split("."))
        compiled = sorted(stem.parent.glob(f"{stem.name}.cpython-*.so"))
        for path in (stem / "__init__.py", stem.with_name(f"{stem.name}.py"), *compiled):
            if path.is_file():
                return path
    return None
