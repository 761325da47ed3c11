"""Archives that depend on nothing but what is in them: sorted, owned by root, and as old as the commit."""

from __future__ import annotations

import contextlib
import gzip
import os
import subprocess
import tarfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]


def epoch() -> int:
    """The time that everything in a release gets: `$SOURCE_DATE_EPOCH`, or that of the commit it is built from.

    In a copy of the sources without a history it is 1980, the earliest that a zip archive can hold.
    """
    given = os.environ.get("SOURCE_DATE_EPOCH", "")
    if given.isascii() and given.isdigit():
        return int(given)
    command = ["git", "-C", str(REPOSITORY), "log", "-1", "--format=%ct"]
    try:
        return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    except (OSError, subprocess.CalledProcessError):
        return 315532800


def settle(tree: Path, when: int) -> None:
    """Give everything below a directory the modes and times that it has in a release, whatever the umask was."""
    for path in [*tree.rglob("*"), tree]:
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
        os.utime(path, (when, when), follow_symlinks=False)


def pack(tree: Path, target: Path, when: int, above: str = "") -> None:
    """Write a .tar.gz of what is below a directory, with `above` before each name."""

    def plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
        member.uid = member.gid = 0
        member.uname = member.gname = "root"
        member.mtime = when
        return member

    with contextlib.ExitStack() as stack:
        file = stack.enter_context(target.open("wb"))
        compressed = stack.enter_context(gzip.GzipFile("", "wb", 6, file, when))
        archive = stack.enter_context(tarfile.open(fileobj=compressed, mode="w", format=tarfile.GNU_FORMAT))
        for path in sorted(tree.rglob("*")):
            archive.add(path, above + str(path.relative_to(tree)), recursive=False, filter=plain)
