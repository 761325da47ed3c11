"""Removing archives that somebody asks to be removed: `journalctl --vacuum-size=`, `--vacuum-files=`, `--vacuum-time=`.

Live files stay, as they do with journalctl(1): they are to be rotated first.
"""

from __future__ import annotations

import os

from systemctl_replacement.journal.names import RECEIVED, is_regular, parse_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


def vacuum(directory: str, size: int = 0, files: int = 0, oldest: int = 0) -> Iterator[tuple[str, int, OSError | None]]:
    """Remove archives in a directory, and in what is received there, the oldest first: (path, bytes on disk, what has
    kept it from being removed).

    size: what archives may take together, in bytes; files: how many files there may be, live ones too; oldest: the
    realtime (usec) before which none may begin. 0: no limit.
    """
    live, archives = _found(directory)
    archives.sort()
    taken = sum(size for _, size, _ in archives)
    left = live + len(archives)
    for begin, bytes_on_disk, path in archives:
        if begin >= oldest and not 0 < size < taken and not 0 < files < left:
            return
        try:
            os.unlink(path)
        except OSError as error:
            yield path, bytes_on_disk, error
        else:
            yield path, bytes_on_disk, None
        taken -= bytes_on_disk
        left -= 1


def _found(directory: str) -> tuple[int, list[tuple[int, int, str]]]:
    """The number of live files, and the archives: (time of the first record, bytes on disk, path)."""
    live = 0
    archives = []
    for place in (directory, f"{directory}/{RECEIVED}"):
        try:
            entries = list(os.scandir(place))
        except OSError:
            continue
        for entry in entries:
            said = parse_name(entry.name)
            if said is None:
                continue
            try:
                status = entry.stat(follow_symlinks=False)
            except OSError:
                continue
            if not is_regular(status):
                continue
            if said[1] < 0:
                live += 1
            else:
                archives.append((said[2] or status.st_mtime_ns // 1000, status.st_blocks * 512, entry.path))
    return live, archives
