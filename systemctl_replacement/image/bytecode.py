"""Byte-compiling a tree for good, as a script that is run by the interpreter it is compiled for.

    python3 -sSX utf8 -X no_debug_ranges …/image/bytecode.py TREE SHOWN_AS

Sources are never checked again, whatever an image build does to their times. Our own modules are compiled without
docstrings (and the assertions, which are for the type checker): they cost PID 1 a quarter of a megabyte. The same
sources give the same bytes (with PYTHONHASHSEED=0, before Python 3.11).
"""

from __future__ import annotations

import os
import py_compile
import shutil
import sys
from collections.abc import Iterator

OURS = "systemctl_replacement"
# What is in our directory in an image, but not ours (names.py).
_OTHERS = ("python", "replaced")
_MODE = py_compile.PycInvalidationMode.UNCHECKED_HASH


def compile_tree(tree: str, shown_as: str) -> None:
    """Compile all modules below `tree`, which tracebacks call `shown_as`. OSError, py_compile.PyCompileError."""
    remove(tree)
    for directory, names in _directories(tree):
        for name in sorted(names):
            if name.endswith(".py"):
                path = f"{directory}/{name}"
                shown = shown_as + path[len(tree) :]
                level = 2 if shown.startswith(f"{shown_as}/{OURS}/") else 0
                compiled = f"{directory}/__pycache__/{name[:-3]}.{sys.implementation.cache_tag}.pyc"
                py_compile.compile(path, compiled, shown, True, level, _MODE)


def remove(tree: str) -> None:
    """Remove what any interpreter has compiled below `tree`. OSError."""
    for directory, _ in _directories(tree):
        if os.path.isdir(f"{directory}/__pycache__"):
            shutil.rmtree(f"{directory}/__pycache__")


def _directories(tree: str) -> Iterator[tuple[str, list[str]]]:
    """The directories with our modules, and the names of the files in each."""
    for directory, directories, names in os.walk(tree):
        skipped = ("__pycache__", *(_OTHERS if directory == tree else ()))
        directories[:] = sorted(name for name in directories if name not in skipped)
        yield directory, names


if __name__ == "__main__":
    compile_tree(sys.argv[1].rstrip("/"), sys.argv[2])
