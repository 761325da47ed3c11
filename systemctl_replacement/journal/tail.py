"""The end of one file, for a manager that has little time left."""

from __future__ import annotations

import os

from systemctl_replacement.journal.entry import parsed
from systemctl_replacement.journal.lines import backwards
from systemctl_replacement.journal.names import open_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from systemctl_replacement.journal.entry import Value


def records_backwards(path: str, most: int) -> Iterator[dict[str, Value]]:
    """The records of a journal file, newest first. most: how many bytes from the end of the file are looked at."""
    try:
        fd = open_file(path, os.O_RDONLY)
    except OSError:
        return
    try:
        size = os.fstat(fd).st_size
        for lines in backwards(fd, max(size - most, 0), size):
            for line in lines:
                record = parsed(line)
                if record is not None:
                    yield record
    finally:
        os.close(fd)
