"""A live file with its archives: one sequence of records, whose parts are opened when they are read."""

from __future__ import annotations

import os

from systemctl_replacement.journal.file import JournalFile, NoRoom, make_room
from systemctl_replacement.journal.lines import BLOCK, pick_backwards, pick_forwards
from systemctl_replacement.journal.names import RECEIVED, parse_name
from systemctl_replacement.journal.search import all_lines

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from systemctl_replacement.journal.entry import Head
    from systemctl_replacement.journal.lines import Lines, Pick

    Range = tuple[JournalFile, int, int]
    """A part of a file."""


class Bounds:
    """What of a chain is wanted. since, until: realtime usec, 0 for no limit; boots: ids, none for all; is_before:
    whether a record is before the place to begin at (or, newest first, not behind it), None for no such place."""

    __slots__ = ("boots", "is_before", "since", "until")

    def __init__(
        self,
        since: int = 0,
        until: int = 0,
        boots: Iterable[bytes] = (),
        is_before: Callable[[Head], bool] | None = None,
    ) -> None:
        self.since = since
        self.until = until
        self.boots = frozenset(boots)
        self.is_before = is_before


class Chain:
    """name: of the live file. archives: (number, time of the first record, path)."""

    def __init__(self, directory: str, name: str) -> None:
        self.directory = directory
        self.name = name
        self.live: JournalFile | None = None
        self.archives: list[tuple[int, int, str]] = []
        self._sequence = ""

    @property
    def is_received(self) -> bool:
        """Whether the files are the collector's."""
        return os.path.basename(self.directory) == RECEIVED

    @property
    def sequence(self) -> str:
        """The id of the sequence that the numbers of records belong to."""
        if not self._sequence:
            from systemctl_replacement.journal.cursor import sequence_id  # few ask

            self._sequence = sequence_id(f"{RECEIVED}/{self.name}" if self.is_received else self.name)
        return self._sequence

    def last(self) -> Head | None:
        """The newest record."""
        for file in self.files(Bounds(), newest_first=True):
            head = file.last()
            if head is not None:
                return head
        return None

    def first(self) -> Head | None:
        """The oldest record."""
        for file in self.files(Bounds(), newest_first=False):
            found = file.record_from(file.start, file.size)
            if found is not None:
                return found[2]
        return None

    def boot_begin(self, boot: bytes) -> Head | None:
        """The first record of a boot in this chain."""
        for file, start, end in self.ranges(Bounds(boots=[boot]), newest_first=False):
            found = file.record_from(start, end)
            if found is not None:
                return found[2]
        return None

    def numbered(self, number: int) -> Head | None:
        """The record with a sequence number, or the first after it."""
        for file, start, end in self.ranges(Bounds(is_before=lambda head: head[0] < number), newest_first=False):
            found = file.record_from(start, end)
            if found is not None:
                return found[2]
        return None

    def files(self, bounds: Bounds, newest_first: bool) -> Iterator[JournalFile]:
        """The files in order, without archives whose names tell that they are out of bounds. An archive is closed when
        the next one is asked for."""
        if newest_first and self.live is not None:
            yield self.live
        for path in reversed(self._wanted(bounds)) if newest_first else self._wanted(bounds):
            try:
                file = JournalFile(path)
            except OSError:
                continue  # removed, to make room; or not ours to read
            try:
                if self.live is None or file.inode != self.live.inode:  # or it was archived since it was opened
                    yield file
            finally:
                file.close()
        if not newest_first and self.live is not None:
            yield self.live

    def _wanted(self, bounds: Bounds) -> list[str]:
        begins = [begin for _, begin, _ in self.archives]
        ends = [*begins[1:], 0]  # an archive ends where the next one begins
        return [
            path
            for (_, _, path), begin, end in zip(self.archives, begins, ends)
            if not (end and bounds.since and end <= bounds.since) and not (bounds.until and begin > bounds.until)
        ]

    def ranges(self, bounds: Bounds, newest_first: bool) -> Iterator[Range]:
        """The parts of files that are wanted, in order."""
        for file in self.files(bounds, newest_first):
            parts = list(_parts(file, bounds, newest_first))
            yield from ((file, start, end) for start, end in (reversed(parts) if newest_first else parts))
            if newest_first and parts and parts[0][0] > file.start and len(bounds.boots) < 2:
                return  # what is older is out of bounds

    def lines(self, bounds: Bounds, newest_first: bool, pick: Pick = all_lines, block: int = BLOCK) -> Iterator[Lines]:
        """The lines that are wanted, in order, in lists, and the last one of each part of which `pick` leaves none."""
        read = pick_backwards if newest_first else pick_forwards
        for file, start, end in self.ranges(bounds, newest_first):
            yield from read(file.fd, start, end, pick, block)

    def close(self) -> None:
        if self.live is not None:
            self.live.close()


def _parts(file: JournalFile, bounds: Bounds, newest_first: bool) -> Iterator[tuple[int, int]]:
    low, high = file.start, file.size
    if bounds.since:
        low = file.find(low, high, lambda head: head[1] < bounds.since)
    if bounds.until:
        high = file.find(low, high, lambda head: head[1] <= bounds.until)
    if bounds.is_before is not None:
        if newest_first:
            high = file.find(low, high, bounds.is_before)
        else:
            low = file.find(low, high, bounds.is_before)
    if not bounds.boots:
        yield low, high
        return
    for boot, start, end in file.boots():
        if boot in bounds.boots and max(start, low) < min(end, high):
            yield max(start, low), min(end, high)


def find_chains(directories: Iterable[str], wanted: Callable[[str, bool], bool]) -> tuple[list[Chain], list[OSError]]:
    """The chains in some directories, and what could not be looked at for lack of permission. wanted: whether the live
    file of this name is of interest, or an archive of it; and whether that is the collector's. NoRoom."""
    chains: dict[tuple[str, str], Chain] = {}
    denied: list[OSError] = []
    places = dict.fromkeys(place for directory in directories for place in (directory, f"{directory}/{RECEIVED}"))
    paths: list[tuple[Chain, str]] = []
    for directory in places:
        for name, (live, number, _) in _listed(directory, denied):
            if wanted(live, directory.endswith("/" + RECEIVED)):
                chain = chains.setdefault((directory, live), Chain(directory, live))
                if number < 0:
                    paths.append((chain, f"{directory}/{name}"))
    _open_live(paths, denied)
    # Listed again: what has become an archive meanwhile is open already, and what was one has been listed before.
    for directory in places:
        for name, (live, number, realtime) in _listed(directory, []):
            if number >= 0 and wanted(live, directory.endswith("/" + RECEIVED)):
                chain = chains.setdefault((directory, live), Chain(directory, live))
                chain.archives.append((number, realtime, f"{directory}/{name}"))
    for chain in chains.values():
        chain.archives.sort()
    return [chains[key] for key in sorted(chains)], denied


def chain_of_file(path: str) -> Chain:
    """A chain of one file that somebody has named. OSError."""
    directory, _, name = path.rpartition("/")
    said = parse_name(name)
    chain = Chain(directory, said[0] if said else name)
    chain.live = JournalFile(path)
    return chain


def _listed(directory: str, denied: list[OSError]) -> list[tuple[str, tuple[str, int, int]]]:
    try:
        names = os.listdir(directory)
    except PermissionError as error:
        denied.append(error)
        return []
    except OSError:
        return []
    return [(name, said) for name in names if (said := parse_name(name)) is not None]


def _open_live(paths: list[tuple[Chain, str]], denied: list[OSError]) -> None:
    make_room(len(paths))
    for chain, path in paths:
        try:
            chain.live = JournalFile(path)
        except PermissionError as error:
            denied.append(error)
        except OSError:
            pass  # removed meanwhile, or no file
        except NoRoom:
            for opened, _ in paths:
                opened.close()
            raise
