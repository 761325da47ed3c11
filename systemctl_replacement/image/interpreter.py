"""Finding the image's Python, and asking it for its version and whether it can run us.

It is not the Python that runs the installer: with `--root=` that one belongs to another system.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Optional

from systemctl_replacement.image.errors import ImageError
from systemctl_replacement.image.names import CARRIED

OLDEST = (3, 9)
# The first one is carried along by an installation for images without Python. Distributions have the second, the
# images named "python" the third.
CANDIDATES = (f"{CARRIED}/bin/python3", "/usr/bin/python3", "/usr/local/bin/python3")
# Modules that PID 1, its processes and the client import, and that a stripped-down Python may lack.
NEEDED_MODULES = ("_ctypes", "json", "selectors", "socket", "subprocess", "_json", "_socket", "_signal", "select")
# Of a script's first line older kernels read no more than this.
_LONGEST_LINE = 127

# Asked of what may be a very small Python, or a very old one.
_QUESTION = """
import sys
missing = []
for name in sys.argv[1:]:
    try:
        __import__(name)
    except ImportError:
        missing.append(name)
print(" ".join([str(number) for number in sys.version_info[:2]] + missing))
"""


@dataclass(frozen=True)
class Interpreter:
    """A Python in an image. `path` is its path inside the image."""

    root: str
    path: str
    version: tuple[int, int]

    @property
    def number(self) -> str:
        """The version as people write it."""
        return ".".join(map(str, self.version))

    def run(self, arguments: Sequence[str], reproducible: bool = False) -> subprocess.CompletedProcess[str]:
        """Run it inside the image, isolated from environment and site-packages. The output is captured.

        `reproducible`: what it writes does not depend on the order of sets, which is another one each time.
        """
        return _run(self.root, self.path, arguments, reproducible)


def find(root: str, path: Optional[str] = None) -> Interpreter:
    """The image's Python: the one at `path`, or the first candidate that is new enough.

    Raises ImageError if there is none, or if it is too old, cannot be run, or lacks modules.
    """
    if path:
        _refuse_unless_a_script_can_name(path)
    candidates = [path] if path else [name for name in CANDIDATES if os.path.lexists(root + name)]
    if not candidates:
        raise ImageError(f"no {' or '.join(CANDIDATES[1:])} in {root or '/'}: install python3 in the image")
    problem = ""
    for candidate in candidates:
        version, missing = _ask(root, candidate)
        number = ".".join(map(str, version))
        if version < OLDEST:
            problem = problem or f"{candidate} in {root or '/'} is Python {number}: 3.9 or later is needed"
        elif missing:
            problem = problem or (
                f"{candidate} in {root or '/'} lacks {', '.join(missing)}: install the complete python3 in the image"
            )
        else:
            return Interpreter(root, candidate, version)
    raise ImageError(problem)


def _ask(root: str, path: str) -> tuple[tuple[int, int], list[str]]:
    result = _run(root, path, ["-c", _QUESTION, *NEEDED_MODULES])
    if result.returncode:
        raise ImageError(f"cannot run {path} in {root or '/'}: {last_line(result.stderr)}")
    if not re.fullmatch(r"[0-9]+ [0-9]+( [A-Za-z0-9_.]+)*\n", result.stdout):
        raise ImageError(f"{path} in {root or '/'} does not answer as Python does")
    major, minor, *missing = result.stdout.split()
    return (int(major), int(minor)), missing


def _refuse_unless_a_script_can_name(path: str) -> None:
    """The kernel takes a script's interpreter as it is: there is no search, and no quoting."""
    if not path.startswith("/") or any(char.isspace() for char in path):
        raise ImageError(f"{path!r} is not an absolute path without white space: no script can name it")
    if len(os.fsencode(f"#!{path} -ISXutf8")) > _LONGEST_LINE:
        raise ImageError(f"{path} is too long for the first line of a script")


def _run(
    root: str, path: str, arguments: Sequence[str], reproducible: bool = False
) -> subprocess.CompletedProcess[str]:
    if root and os.geteuid() != 0:
        raise ImageError(f"cannot run the Python of {root}: root is needed to change into it")
    # With -I the environment cannot tell the seed of hashes; we have made it.
    # With -B nothing is compiled but what we want to be.
    argv = [path, "-BsSXutf8" if reproducible else "-BISXutf8", *arguments]
    try:
        return subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            cwd="/",
            env={"PATH": os.defpath, "PYTHONHASHSEED": "0"},
            preexec_fn=(lambda: _enter(root)) if root else None,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise ImageError(f"cannot run {path} in {root or '/'}: {error}") from error


def _enter(root: str) -> None:
    os.chroot(root)
    os.chdir("/")


def last_line(text: str) -> str:
    """What a program complains of in the end."""
    lines = text.strip().splitlines()
    return lines[-1] if lines else "it fails without a message"
