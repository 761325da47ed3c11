"""What packages expect to be made at each boot (tmpfiles.d(5)), in an image without the program that does it."""

from __future__ import annotations

import os
import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_DIRECTORY = "/usr/lib/tmpfiles.d"
_PROGRAMS = ("/bin/systemd-tmpfiles", "/usr/bin/systemd-tmpfiles")
# Types of lines that create missing files.
_MAKING = "dDvqQfFpLcbC"
_LARGEST_FILE = 1 << 16
_NAMED = 3


def warnings() -> list[str]:
    """What is missing, and how to get it. Nothing if the program exists, or could not create it either."""
    if os.geteuid() != 0 or any(os.access(program, os.X_OK) for program in _PROGRAMS):
        return []
    missing = sorted({path for path in _wanted() if not os.path.lexists(path)})
    if not missing:
        return []
    names = ", ".join(missing[:_NAMED]) + (f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else "")
    program = "systemd-tmpfiles is not installed (Debian: systemd-standalone-tmpfiles)"
    return [f"{names}: not there, and wanted by {_DIRECTORY}, but {program}."]


def _wanted() -> Iterator[str]:
    """The paths of all lines that create something, except for those with specifiers or quotes."""
    try:
        names = sorted(os.listdir(_DIRECTORY))
    except OSError:
        return
    for name in names:
        if not name.endswith(".conf"):
            continue
        for line in _read(f"{_DIRECTORY}/{name}").splitlines():
            words = line.split(None, 2)
            if len(words) >= 2 and words[0][0] in _MAKING and words[1].startswith("/") and "%" not in words[1]:
                yield words[1]


def _read(path: str) -> str:
    """The text of a regular file, up to the usual size of such files."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, encoding="utf-8", errors="replace") as file:
            return file.read(_LARGEST_FILE) if stat.S_ISREG(os.fstat(file.fileno()).st_mode) else ""
    except OSError:
        return ""
