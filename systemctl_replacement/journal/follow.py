"""What comes into journals after they were read: each line once, whatever becomes of the files.

Directories are watched with inotify(7), so that nothing ticks. A file that is rotated, or removed to make room, is held
open and read to its end before the next one is begun. A line counts when its newline is there.
"""

from __future__ import annotations

import errno
import os
from functools import partial

from systemctl_replacement import syscalls
from systemctl_replacement.journal.chain import Chain
from systemctl_replacement.journal.entry import Entry, head_of
from systemctl_replacement.journal.file import make_room, open_journal, with_room
from systemctl_replacement.journal.lines import backwards, end_of_lines, forwards, line_from
from systemctl_replacement.journal.merge import Clock, Stream, merged
from systemctl_replacement.journal.names import RECEIVED, parse_name
from systemctl_replacement.journal.select import Selection

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from systemctl_replacement.journal.query import Journal, Query

    Part = tuple[int, int, int]

_MODIFY, _MOVED_FROM, _MOVED_TO, _CREATE, _DELETE, _DELETE_SELF, _MOVE_SELF = (
    0x2,
    0x40,
    0x80,
    0x100,
    0x200,
    0x400,
    0x800,
)
_ONLY_DIRECTORY, _MASK_ADD = 0x1000000, 0x20000000
_OF_JOURNALS = _MODIFY | _MOVED_FROM | _MOVED_TO | _CREATE | _DELETE | _DELETE_SELF | _MOVE_SELF
_OF_ABOVE = _MOVED_TO | _CREATE
_PIECE = 64 * 1024


class _Tail:
    """A live file, and how far it has been read."""

    def __init__(self, fd: int, position: int) -> None:
        self.fd = fd
        status = os.fstat(fd)
        self.inode = (status.st_dev, status.st_ino)
        self.position = position

    def new_part(self) -> Part:
        """The whole lines that are new: (descriptor, begin, end)."""
        size = os.fstat(self.fd).st_size
        if size < self.position:
            self.position = 0  # somebody has cut it
        begin = self.position
        self.position = max(begin, end_of_lines(self.fd, size, begin))
        return self.fd, begin, self.position

    def first_number(self) -> int | None:
        """The sequence number of the first record, 0 if it begins with something else. None without any line."""
        size = os.fstat(self.fd).st_size
        found = line_from(self.fd, 0, size) if size else None
        if found is None:
            return None
        head = head_of(found[1])
        return head[0] if head is not None else 0

    def last_number(self) -> int:
        """The sequence number of the last record that has been read, 0 without any."""
        for lines in backwards(self.fd, 0, self.position):
            for line in lines:
                head = head_of(line)
                if head is not None:
                    return head[0]
        return 0


class Follower:
    """What comes after the end of a journal's snapshot. fd becomes readable when something may have come.

    OSError without inotify(7).
    """

    def __init__(self, journal: Journal, query: Query) -> None:
        make_room(3 * len(journal.chains))  # each is open once more, and may have been another file before
        self.fd = syscalls.inotify()
        self._selection = Selection(query.expression, query.grep)
        self._boots = frozenset(boot.encode("ascii", "replace") for boot in query.boots)
        self._directories = {place: None for above in journal.directories for place in (above, f"{above}/{RECEIVED}")}
        self._files = journal.files
        self._chains: dict[str, Chain] = {}  # by the paths of their live files
        self._tails: dict[str, _Tail] = {}
        self._left: dict[str, _Tail] = {}  # files that were live before
        self._numbers: dict[tuple[str, str], int] = {}  # of the last record, by directory and live file
        self._places: dict[int, str] = {}  # what is watched, by the numbers of the watches
        self._above: set[int] = set()  # watches of what is above directories that are missing
        self._must_look = True  # at everything
        named = {id(chain): path for path, chain in journal.files.items()}
        for chain in journal.chains:
            if self._selection.could_match(chain.name, chain.is_received):
                self._begin(named.get(id(chain), f"{chain.directory}/{chain.name}"), chain)

    def _begin(self, path: str, chain: Chain) -> None:
        self._chains[path] = chain
        if chain.live is not None:
            self._tails[path] = _Tail(with_room(partial(os.dup, chain.live.fd)), chain.live.size)
        last = chain.last()
        self._numbers[chain.directory, chain.name] = last[0] if last else 0

    def close(self) -> None:
        for fd in [self.fd, *(tail.fd for tail in [*self._tails.values(), *self._left.values()])]:
            os.close(fd)
        self._tails.clear()
        self._left.clear()

    def entries(self) -> Iterator[Entry]:
        """What has come since the last call, in order. It must be read to its end; then wait for `fd`."""
        chains: list[Chain] = []
        streams: list[Stream] = []
        clock = Clock()
        done: list[int] = []
        try:
            for path in self._changed():
                chain = self._chains.get(path)
                if chain is None:
                    directory, _, name = path.rpartition("/")
                    chain = self._chains[path] = Chain(directory, name)
                parts = list(self._new_parts(path, chain, done))
                streams.append(Stream(len(chains), self._lines(chain, parts), clock, 1))
                chains.append(chain)
            for index, lines, heads in merged(streams):
                for line, head in zip(lines, heads):
                    if not self._boots or head[3] in self._boots:
                        yield Entry(line, chains[index], head)
        finally:
            for fd in done:
                os.close(fd)

    # --- what is new in files ---

    def _lines(self, chain: Chain, parts: list[Part]) -> Iterator[list[bytes]]:
        for fd, begin, end in parts:
            for lines in forwards(fd, begin, end):
                head = head_of(lines[-1])
                if head is not None:
                    self._numbers[chain.directory, chain.name] = head[0]
                wanted = self._selection.select(lines)
                if wanted:
                    yield wanted

    def _new_parts(self, path: str, chain: Chain, done: list[int]) -> Iterator[Part]:
        """done: gets the descriptors that are not needed any more when the parts have been read."""
        try:
            new = _Tail(open_journal(path), 0)
        except OSError:
            new = None
        if path in self._left:
            yield self._left[path].new_part()  # who has removed it may have been faster than its writer
        old = self._tails.get(path)
        if old is not None:
            yield old.new_part()
        if new is None:
            return
        first = new.first_number()
        if (old is not None and new.inode == old.inode) or first is None:
            done.append(new.fd)  # it is known, or has no line yet
            return
        if old is not None:
            if path in self._left:
                done.append(self._left[path].fd)
            self._left[path] = old
        yield from self._archived_meanwhile(path, self._last_number(chain, old), first, done)
        self._tails[path] = new
        yield new.new_part()

    def _last_number(self, chain: Chain, old: _Tail | None) -> int:
        return max(self._numbers.get((chain.directory, chain.name), 0), old.last_number() if old is not None else 0)

    def _archived_meanwhile(self, path: str, last: int, first: int, done: list[int]) -> Iterator[Part]:
        """Archives of files that became live and were full since the last look, between the last number that was read
        and the first of the file that is live now. (That may be an archive by now, too.)"""
        if path in self._files:
            return
        directory, _, live = path.rpartition("/")
        found = []
        for name in os.listdir(directory):
            said = parse_name(name)
            if said is not None and said[0] == live and last < said[1] < first:
                found.append((said[1], name))
        for _, name in sorted(found):
            try:
                archive = _Tail(open_journal(f"{directory}/{name}"), 0)
            except OSError:
                continue  # removed, to make room
            done.append(archive.fd)
            yield archive.new_part()

    # --- which files ---

    def _is_wanted(self, directory: str, name: str) -> bool:
        return self._selection.could_match(name, os.path.basename(directory) == RECEIVED)

    def _changed(self) -> list[str]:
        """The live files that something may have happened to."""
        changed: dict[str, None] = {}
        while True:
            try:
                data = os.read(self.fd, _PIECE)
            except BlockingIOError:
                break
            for number, _events, name in syscalls.inotify_events(data):
                self._note(number, os.fsdecode(name), changed)
        if not self._must_look:
            return list(changed)
        self._must_look = False
        self._watch()
        return self._all()

    def _note(self, number: int, name: str, changed: dict[str, None]) -> None:
        directory = self._places.get(number)
        if directory is None or not name or name == RECEIVED:
            self._must_look = True  # a directory has come or gone, or the kernel has lost what has happened
            return
        path = f"{directory}/{name}"
        if path in self._files:
            changed[path] = None
        said = parse_name(name)
        if said is not None and directory in self._directories and self._is_wanted(directory, said[0]):
            changed[f"{directory}/{said[0]}"] = None

    def _watch(self) -> None:
        """Watch each directory, or the nearest one above that exists."""
        self._places = {}
        for place in dict.fromkeys([*self._directories, *(path.rpartition("/")[0] for path in self._files)]):
            number = self._watched(place, _OF_JOURNALS)
            if number is not None:
                self._places[number] = place
        above = set()
        for place in dict.fromkeys([*self._directories, *(path.rpartition("/")[0] for path in self._files)]):
            number = None
            while place and number is None and place not in self._places.values():
                place = place.rpartition("/")[0]
                number = self._watched(place or "/", _OF_ABOVE)
            if number is not None and number not in self._places:
                above.add(number)
        for number in self._above - above - set(self._places):
            syscalls.unwatch(self.fd, number)
        self._above = above

    def _watched(self, directory: str, events: int) -> int | None:
        try:
            return syscalls.watch_path(self.fd, directory, events | _ONLY_DIRECTORY | _MASK_ADD)
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise
            return None

    def _all(self) -> list[str]:
        paths = dict.fromkeys([*self._chains, *self._files])
        for directory in self._directories:
            try:
                names = os.listdir(directory)
            except OSError:
                continue
            for name in names:
                said = parse_name(name)
                if said is not None and self._is_wanted(directory, said[0]):
                    paths[f"{directory}/{said[0]}"] = None
        return list(paths)
