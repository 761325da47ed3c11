"""The tree that an image is given, below /usr/lib/systemctl-replacement: our package, its units, and what it imports.

The same sources give the same bytes, modes and times, whoever builds it. Nobody but its owner can write to it.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from systemctl_replacement.image import vendor
from systemctl_replacement.image.errors import ImageError
from systemctl_replacement.image.interpreter import Interpreter
from systemctl_replacement.image.names import HOME, NOT_OF_THE_TREE


def build(target: Path) -> None:
    """Make the tree in an empty directory, for no interpreter in particular. ImageError, OSError."""
    vendor.copy_package(target)
    vendor.copy_units(target, sys.prefix)
    for name, modules in vendor.LIBRARIES.items():
        vendor.copy_library(name, modules, target)
    settle(target)


def compile_for(found: Interpreter, tree: str) -> None:
    """Byte-compile a tree for the interpreter that runs it. `tree` is a path inside its image. ImageError, OSError."""
    script = f"{tree}/systemctl_replacement/image/bytecode.py"
    result = found.run(["-X", "no_debug_ranges", script, tree, HOME], reproducible=True)
    if result.returncode:
        raise ImageError(f"{found.path} cannot compile what is installed: {(result.stdout + result.stderr).strip()}")
    settle(Path(found.root + tree))


def settle(tree: Path) -> None:
    """Give everything in a tree, and itself, the modes and times that it has wherever it is made."""
    for directory, directories, files in os.walk(tree):
        if directory == str(tree):
            directories[:] = [name for name in directories if name not in NOT_OF_THE_TREE]
            files = [name for name in files if name not in NOT_OF_THE_TREE]
        for path in [f"{directory}/{name}" for name in files]:
            if not os.path.islink(path):
                os.chmod(path, 0o644)
            set_times(path)
        os.chmod(directory, 0o755)
        set_times(directory)


def protect(tree: str) -> None:
    """See to it that nobody else can change what is run from a tree, whoever has brought it there. OSError."""
    for directory, directories, files in os.walk(tree):
        if directory == tree:
            directories[:] = [name for name in directories if name != "replaced"]  # with owners of its own
        for path in [directory, *(f"{directory}/{name}" for name in files)]:
            status = os.lstat(path)
            if (status.st_uid, status.st_gid) != (os.geteuid(), os.getegid()):
                os.chown(path, os.geteuid(), os.getegid(), follow_symlinks=False)
            if status.st_mode & 0o022 and not os.path.islink(path):
                os.chmod(path, status.st_mode & 0o7755)


def set_times(path: str) -> None:
    """Set the times that everything we install has: SOURCE_DATE_EPOCH, or the beginning of 1970."""
    value = os.environ.get("SOURCE_DATE_EPOCH", "")
    seconds = int(value) if value.isascii() and value.isdigit() else 0
    os.utime(path, (seconds, seconds), follow_symlinks=False)


def size(tree: str) -> int:
    """Bytes in all files of a tree."""
    return sum(os.lstat(f"{directory}/{name}").st_size for directory, _, files in os.walk(tree) for name in files)
