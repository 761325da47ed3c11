"""What is in the layers of a root file system, so that two of them can be compared: kinds, modes, owners, contents."""

from __future__ import annotations

import contextlib
import filecmp
import os
import re
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

# What two runs of the same commands do not have in common: logs, caches, identities, and the second copies that
# programs make of their databases.
VARYING = re.compile(
    r"(dev|proc|sys|run|tmp|srv|var/log|var/cache|var/lib/apt|var/lib/systemd/catalog)(/.*)?|etc/(machine-id|.*-|\.pwd\.lock)"
    r"|var/lib/dpkg/(.*-old|lock.*|triggers/.*)|.*\.pyc|.*/__pycache__"
)


@dataclass(frozen=True)
class Entry:
    """A file, by what can be compared at once, and where its content is."""

    mode: int
    owner: tuple[int, int]
    link: str
    place: Path


def entries(layers: Sequence[Path]) -> dict[str, Entry]:
    """Everything in these layers (topmost first) as an overlay shows it, by path."""
    found: dict[str, Entry] = {}
    for layer in reversed(layers):
        for directory, directories, names in os.walk(layer):
            for name in [*directories, *names]:
                place = Path(directory) / name
                path = str(place.relative_to(layer))
                status = place.lstat()
                gone = stat.S_ISCHR(status.st_mode) and status.st_rdev == 0
                was_directory = path in found and stat.S_ISDIR(found[path].mode)
                if was_directory and (not stat.S_ISDIR(status.st_mode) or _hides_what_is_below(place)):
                    for below in [known for known in found if known.startswith(f"{path}/")]:
                        del found[below]
                if gone:
                    found.pop(path, None)
                else:
                    link = os.readlink(place) if stat.S_ISLNK(status.st_mode) else ""
                    found[path] = Entry(status.st_mode, (status.st_uid, status.st_gid), link, place)
    return {path: entry for path, entry in found.items() if not VARYING.fullmatch(path)}


def _hides_what_is_below(directory: Path) -> bool:
    with contextlib.suppress(OSError):
        return os.getxattr(directory, "trusted.overlay.opaque") == b"y"
    return False


def differences(one: Sequence[Path], other: Sequence[Path]) -> list[str]:
    """How two root file systems differ, a line for each path."""
    left, right = entries(one), entries(other)
    lines = [f"only in the first: {path}" for path in sorted(left.keys() - right.keys())]
    lines += [f"only in the second: {path}" for path in sorted(right.keys() - left.keys())]
    for path in sorted(left.keys() & right.keys()):
        a, b = left[path], right[path]
        if (a.mode, a.owner, a.link) != (b.mode, b.owner, b.link):
            lines.append(f"{path}: {a.mode:o} {a.owner} {a.link} / {b.mode:o} {b.owner} {b.link}")
        elif a.place != b.place and stat.S_ISREG(a.mode) and not _same(path, a.place, b.place):
            lines.append(f"{path}: other content")
    return lines


def _same(path: str, one: Path, other: Path) -> bool:
    if filecmp.cmp(one, other, shallow=False):
        return True
    # dpkg writes it in no order.
    return path == "var/lib/dpkg/diversions" and _diversions(one) == _diversions(other)


def _diversions(path: Path) -> set[tuple[str, ...]]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return {tuple(lines[index : index + 3]) for index in range(0, len(lines), 3)}
