"""Reading journals: what is wanted, and the records of many files in one order, without reading more than that.

Files are read by anybody who may, and may belong to somebody else, who can put anything in their place: FIFOs, links,
lines without end. Whatever can be read is shown.
"""

from __future__ import annotations

import os

from systemctl_replacement.journal.chain import Bounds, chain_of_file, find_chains
from systemctl_replacement.journal.entry import Entry, parsed, values_of
from systemctl_replacement.journal.file import make_room
from systemctl_replacement.journal.lines import BLOCK
from systemctl_replacement.journal.merge import Clock, Stream, merged
from systemctl_replacement.journal.search import lines_with
from systemctl_replacement.journal.select import Selection
from systemctl_replacement.records import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from re import Pattern

    from systemctl_replacement.journal.chain import Chain
    from systemctl_replacement.journal.cursor import Cursor
    from systemctl_replacement.journal.entry import Head
    from systemctl_replacement.journal.expression import Expression
    from systemctl_replacement.journal.follow import Follower

_IN_MEMORY = 32 * 1024 * 1024
"""What the blocks of all files that are read side by side may take together."""
_BLOCK_MIN = 16 * 1024


def _anything(_name: str, _received: bool) -> bool:
    return True


@dataclass(frozen=True)
class Query:
    """What is wanted. since, until: realtime in usec, both inclusive, 0 for no limit. boots: ids, none for all.

    after: where to begin (newest first: where to begin going back); inclusive: with the entry that is there itself.
    grep: is searched in the text of MESSAGE=.
    """

    expression: Expression | None = None
    since: int = 0
    until: int = 0
    boots: tuple[str, ...] = ()
    after: Cursor | None = None
    inclusive: bool = True
    grep: Pattern[str] | None = None


@dataclass(frozen=True)
class Boot:
    """A boot, and the time of its first and last record (realtime usec)."""

    id: str
    first: int
    last: int


class Journal:
    """The journals of some directories, or given files, as they are when this is made. `entries` reads what is
    wanted; `boots`, `unique`, `field_names` and `disk_usage` are about everything.

    problems: files and directories that the caller may not read; of given files, whatever keeps them from being read.
    """

    def __init__(
        self, directories: Iterable[str], files: Iterable[str] = (), wanted: Callable[[str, bool], bool] = _anything
    ) -> None:
        """wanted: whether a live file of this name and its archives are of interest (and whether it is the
        collector's): `Query.expression.could_match`
        for who has one question only. NoRoom if there are more files than can be opened."""
        self.directories = list(dict.fromkeys(directories))
        self.chains, self.problems = find_chains(self.directories, wanted)
        self.files: dict[str, Chain] = {}
        """The given ones, by their absolute paths."""
        named = list(dict.fromkeys(files))
        make_room(len(self.chains) + len(named))
        for path in named:
            try:
                chain = self.files[os.path.abspath(path)] = chain_of_file(os.path.abspath(path))
                self.chains.append(chain)
            except OSError as error:
                error.filename = path
                self.problems.append(error)

    @property
    def blocked(self) -> bool:
        """Whether something may not be read."""
        return any(isinstance(problem, PermissionError) for problem in self.problems)

    def close(self) -> None:
        for chain in self.chains:
            chain.close()

    def entries(self, query: Query, newest_first: bool = False) -> Iterator[Entry]:
        """The entries that are wanted, in order. They are read as they are asked for."""
        clock = Clock()
        selection = Selection(query.expression, query.grep)
        chains = [chain for chain in self.chains if selection.could_match(chain.name, chain.is_received)]
        block = max(min(BLOCK, _IN_MEMORY // max(len(chains), 1)), _BLOCK_MIN)
        sign = -1 if newest_first else 1
        boots = [boot.encode("ascii", "replace") for boot in query.boots]
        place = _Place(query.after, chains, clock, query.inclusive == newest_first) if query.after is not None else None
        streams = []
        for index, chain in enumerate(chains):
            bounds = Bounds(query.since, query.until, boots, _before(place, index))
            streams.append(Stream(index, chain.lines(bounds, newest_first, selection.find, block), clock, sign))
        for index, lines, heads in merged(streams):
            chain = chains[index]
            for line, head in zip(lines, heads):
                yield Entry(line, chain, head)

    def follow(self, query: Query) -> Follower:
        """What comes after what `entries` has. OSError without inotify(7)."""
        from systemctl_replacement.journal.follow import Follower

        return Follower(self, query)

    def boots(self) -> list[Boot]:
        """All boots, oldest first."""
        found: dict[bytes, tuple[int, int]] = {}
        for chain in self.chains:
            for file in chain.files(Bounds(), newest_first=False):
                for boot, start, end in file.boots():
                    first, last = file.record_from(start, end), file.last(end)
                    if boot and first and last:
                        earliest, latest = found.get(boot, (first[2][1], last[1]))
                        found[boot] = min(earliest, first[2][1]), max(latest, last[1])
        boots = [Boot(boot.decode("ascii"), first, last) for boot, (first, last) in found.items()]
        return sorted(boots, key=lambda boot: (boot.first, boot.last))

    def latest_boot(self) -> str:
        """The boot of the newest record, "" without any."""
        heads = [head for head in (chain.last() for chain in self.chains) if head is not None and head[3]]
        return max(heads, key=lambda head: head[1])[3].decode("ascii") if heads else ""

    def unique(self, field: str) -> Iterator[bytes]:
        """The values that a field has in any record, each once."""
        seen: set[bytes] = set()
        mark = f'"{field}":'.encode()
        for chain in self.chains:
            for lines in chain.lines(Bounds(), False, lambda data, start, end: lines_with(data, start, end, [mark])):
                for line in lines if isinstance(lines, list) else ():
                    at = line.find(mark)
                    if at < 0:
                        continue
                    end = line.find(b'"', at + len(mark) + 1)
                    value = line[at + len(mark) : end + 1]
                    if value in seen:
                        continue
                    fields = parsed(line)
                    if fields is None or field not in fields:
                        continue
                    if b"\\" not in value and value[:1] == b'"':
                        seen.add(value)
                    for each in values_of(fields[field]):
                        key = b"=" + each
                        if key not in seen:
                            seen.add(key)
                            yield each

    def field_names(self) -> list[str]:
        """The names of all fields, sorted."""
        import re

        names: set[bytes] = set()
        # A quote inside a text has a backslash in front, and a colon follows names alone.
        find = re.compile(rb'[{,]"([A-Z_][A-Z0-9_]{0,63})":').findall
        for chain in self.chains:
            for lines in chain.lines(Bounds(), False):
                names.update(find(b"\n".join(lines if isinstance(lines, list) else ())))
        return sorted(name.decode("ascii", "replace") for name in names if not name.startswith(b"__"))

    def disk_usage(self) -> int:
        """What the files take on disk, in bytes."""
        return sum(file.taken for chain in self.chains for file in chain.files(Bounds(), newest_first=False))


def _before(place: _Place | None, index: int) -> Callable[[Head], bool] | None:
    return (lambda head: place.is_before(head, index)) if place is not None else None


class _Place:
    """Where a cursor points to among chains. It need not be there any more: then its boot and times tell the place."""

    def __init__(self, cursor: Cursor, chains: list[Chain], clock: Clock, with_equal: bool) -> None:
        """with_equal: whether the entry itself is before the place."""
        self._clock = clock
        self._with_equal = with_equal
        self._seqnum = cursor.seqnum if cursor.seqnum is not None else -1
        self._time = cursor.realtime or 0
        self._index = _index_of(cursor, chains)
        if cursor.boot and cursor.monotonic is not None:
            if cursor.realtime is not None:
                clock.begin(cursor.boot, cursor.realtime - cursor.monotonic)
            else:
                for head in [head for head in (chain.boot_begin(cursor.boot) for chain in chains) if head]:
                    clock.time(head)
            self._time = clock.time((0, self._time, cursor.monotonic, cursor.boot))
        elif cursor.sequence and cursor.seqnum is not None and self._index >= 0:
            numbered = chains[self._index].numbered(cursor.seqnum)
            self._time = clock.time(numbered) if numbered else self._time

    def is_before(self, head: Head, index: int) -> bool:
        """Whether a record of the chain with this index comes before the place."""
        time = self._clock.time(head)
        if time != self._time:
            return time < self._time
        if index != self._index:
            return index < self._index
        return head[0] < self._seqnum or (self._with_equal and (head[0] == self._seqnum or self._seqnum < 0))


def _index_of(cursor: Cursor, chains: list[Chain]) -> int:
    """Which of the chains an entry is in, -1 for none. A unit may have one in each of several directories."""
    found = [index for index, chain in enumerate(chains) if chain.sequence == cursor.sequence]
    for index in found[:-1]:
        head = chains[index].numbered(cursor.seqnum) if cursor.seqnum is not None else None
        if head is not None and head[0] == cursor.seqnum and cursor.realtime in (None, head[1]):
            return index
    return found[-1] if found else -1
