"""What is in one file, and what is wrong with it: `journalctl --header` and `--verify`. Both read all of it."""

from __future__ import annotations

from systemctl_replacement.journal.chain import Bounds, Chain
from systemctl_replacement.journal.entry import head_of
from systemctl_replacement.journal.lines import forwards
from systemctl_replacement.journal.vacuum import is_archive, is_written
from systemctl_replacement.records import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from systemctl_replacement.journal.entry import Head
    from systemctl_replacement.journal.file import JournalFile
    from systemctl_replacement.journal.query import Journal

ONLINE, OFFLINE, ARCHIVED = "ONLINE", "OFFLINE", "ARCHIVED"
_MOST_PROBLEMS = 100
_NO_HEAD: Head = (0, 0, 0, b"")


@dataclass(frozen=True)
class Header:
    """A file. state: ONLINE while somebody has it open for writing. first, last: its records, as far as `head_of` says
    them. size and taken: bytes in it and on disk."""

    path: str
    state: str
    sequence: str
    first: Head | None
    last: Head | None
    entries: int
    size: int
    taken: int


@dataclass(frozen=True)
class Problem:
    """What is wrong at an offset of a file."""

    offset: int
    text: str


def headers(journal: Journal) -> Iterator[Header]:
    for chain, file in _files(journal):
        entries = sum(len(lines) for lines in forwards(file.fd, file.start, file.size))
        state = ARCHIVED if is_archive(file.path) else ONLINE if is_written(file.path) else OFFLINE
        yield Header(file.path, state, chain.sequence, file.first(), file.last(), entries, file.size, file.taken)


def verify(journal: Journal) -> Iterator[tuple[str, list[Problem]]]:
    """What is wrong with each file: (path, problems in their order, not more than a hundred)."""
    for _, file in _files(journal):
        problems = []
        for problem in _problems(file):
            problems.append(problem)
            if len(problems) == _MOST_PROBLEMS:
                break
        yield file.path, problems


def _files(journal: Journal) -> Iterator[tuple[Chain, JournalFile]]:
    for chain in journal.chains:
        for file in chain.files(Bounds(), newest_first=False):
            yield chain, file


def _problems(file: JournalFile) -> Iterator[Problem]:
    offset = file.start
    before = _NO_HEAD
    boots: set[bytes] = set()
    for lines in forwards(file.fd, file.start, file.size):
        for line in lines:
            head = head_of(line)
            if head is None:
                yield Problem(offset, "no record, or one that was not written to its end")
            else:
                text = _disorder(before, head, boots)
                if text:
                    yield Problem(offset, text)
                before = head
                boots.add(head[3])
            offset += len(line) + 1
    if offset < file.size:
        yield Problem(offset, "lines that are too long")


def _disorder(before: Head, head: Head, boots: set[bytes]) -> str:
    """What is wrong with a record after the one before it, "" if nothing is."""
    if head[3] != before[3] and head[3] in boots:
        return f"boot {head[3].decode('ascii')} goes on after another one"
    if head[3] == before[3] and head[2] < before[2]:
        return f"monotonic time goes back from {before[2]} to {head[2]}"
    if not (before[0] and head[0]):
        return ""
    if head[0] <= before[0]:
        return f"number {head[0]} follows number {before[0]}"
    return f"{head[0] - before[0] - 1} records before number {head[0]} were lost" if head[0] > before[0] + 1 else ""
