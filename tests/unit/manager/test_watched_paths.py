"""What a machine is told of the paths that it watches."""

from __future__ import annotations

import errno
import gc
import os
import select
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from systemctl_replacement import syscalls
from systemctl_replacement.loop import STRANGERS
from systemctl_replacement.manager.ports import inotify as notes
from systemctl_replacement.manager.ports.paths import MOST_PARTS
from systemctl_replacement.units.events import (
    CHANGED,
    DIRECTORY_NOT_EMPTY,
    EXISTS,
    EXISTS_GLOB,
    MODIFIED,
    ClosePort,
    PathChanged,
    PortFailed,
    WatchPath,
)
from tests.unit.manager.test_ports import World as PortsWorld

YES = PathChanged("p", True, "/f")
NO = PathChanged("p", False)
NEW_TURNS = 6  # what has happened is read, looked at and told in so many


class World(PortsWorld):
    """A directory, and one unit that watches paths in it."""

    def watch(self, path: str, what: str, port: str = "p") -> Any:
        return self.ports.carry_out(WatchPath(port, path, what))

    def told_now(self) -> list[Any]:
        """What is told of all that has happened so far."""
        found: list[Any] = []
        quiet = 0
        while quiet < NEW_TURNS:
            told = self.one_turn()
            quiet = 0 if told or self.inotify._to_look else quiet + 1
            found += told
        return found

    def one_turn(self) -> list[Any]:
        self.told.clear()
        self.loop._stopped = False
        self.loop.defer(STRANGERS, self.loop.stop)
        self.loop.run()
        return list(self.told)

    def executed_again(self) -> None:
        """The manager has executed itself, and asks for nothing yet."""
        saved = self.ports.saved()
        fd = os.dup(self.inotify.fd)
        self.loop.remove(self.inotify.fd)
        os.close(self.inotify.fd)
        self.inotify = notes.Inotify(self.loop)
        self.ports = self.more_ports()
        self.ports.restore([{**one, "fd": fd} for one in saved])


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    gc.collect()  # loops of tests before
    before = len(os.listdir("/proc/self/fd"))
    yield world
    world.ports.close()
    assert not world.failed
    assert len(os.listdir("/proc/self/fd")) == before
    assert not world.inotify._watchers and not world.inotify._asked


@pytest.mark.parametrize(("what", "times"), [(CHANGED, 0), (MODIFIED, 1)])
def test_writing_and_closing(world: World, what: str, times: int) -> None:
    path = world.root / "f"
    path.touch()
    assert world.watch("/f", what) == NO
    assert world.told_now() == []
    with path.open("w") as file:
        file.write("x")
        file.flush()
        assert world.told_now() == [YES] * times
    assert world.told_now() == [YES]
    path.unlink()
    assert world.told_now() == [YES]
    path.touch()
    assert YES in world.told_now()
    (world.root / "other").touch()
    assert world.told_now() == []


def test_conditions(world: World) -> None:
    assert world.watch("/a*/{b,c}", EXISTS_GLOB, "glob") == PathChanged("glob", False)
    assert world.watch("/d", DIRECTORY_NOT_EMPTY, "full") == PathChanged("full", False)
    (world.root / "d").mkdir()
    for name in (".hidden", "backup~", "x.dpkg-new", "lost+found"):
        (world.root / "d" / name).touch()
        assert world.told_now() == []
    (world.root / "d/file").touch()
    assert world.told_now() == [PathChanged("full", True, "/d")]
    (world.root / "abc").mkdir()
    assert world.told_now() == []
    (world.root / "abc/c").touch()
    assert world.told_now() == [PathChanged("glob", True, "/abc/c")]
    assert world.watch("/d", DIRECTORY_NOT_EMPTY, "full") == PathChanged("full", True, "/d")
    world.ports.carry_out(ClosePort("full"))
    (world.root / "d/another").touch()
    assert world.told_now() == []
    assert world.watch("/d/file", DIRECTORY_NOT_EMPTY, "file") == PathChanged("file", False), (
        "which is what systemd says of a file"
    )


def test_a_pattern_does_not_match_what_is_in_every_directory(world: World) -> None:
    (world.root / "d").mkdir()
    assert world.watch("/d/.*", EXISTS_GLOB) == NO


@pytest.mark.parametrize("what", [EXISTS, CHANGED, MODIFIED, DIRECTORY_NOT_EMPTY])
def test_directories_on_the_way_come_and_go(world: World, what: str) -> None:
    yes = PathChanged("p", True, "/a/b/c")
    assert world.watch("/a/b/c", what) == NO
    for _ in range(2):
        (world.root / "a").mkdir()
        assert world.told_now() == []
        (world.root / "a/b/c").mkdir(parents=True)
        (world.root / "a/b/c/file").touch()
        assert yes in world.told_now()
        (world.root / "a").rename(world.root / "elsewhere")
        gone = world.told_now()
        assert (yes in gone) is (what in (CHANGED, MODIFIED))
        (world.root / "elsewhere/b/c/new").touch()
        assert world.told_now() == []
        (world.root / "elsewhere").rename(world.root / "a")
        assert yes in world.told_now()
        for path in ("a/b/c/file", "a/b/c/new"):
            (world.root / path).unlink()
        for path in ("a/b/c", "a/b", "a"):
            (world.root / path).rmdir()
        world.told_now()
        assert world.watch("/a/b/c", what) == NO


def test_the_way_changes_while_it_is_looked_at(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever goes and comes between two steps, nothing fails and nothing is lost."""
    original, calls = syscalls.watch_path, 0

    def watch(fd: int, path: str, events: int) -> int:
        nonlocal calls
        calls += 1
        if calls % 2:
            (world.root / "a/b").mkdir(parents=True)
            found = original(fd, path, events) if calls % 3 else None
            (world.root / "a/b").rmdir()
            (world.root / "a").rmdir()
            if found is not None:
                return found
        return original(fd, path, events)

    monkeypatch.setattr(syscalls, "watch_path", watch)
    assert world.watch("/a/b/c", CHANGED) == NO
    for _ in range(20):
        world.one_turn()
    monkeypatch.setattr(syscalls, "watch_path", original)
    world.told_now()
    (world.root / "a/b").mkdir(parents=True)
    (world.root / "a/b/c").touch()
    assert PathChanged("p", True, "/a/b/c") in world.told_now()


def test_links_on_the_way(world: World) -> None:
    """Their targets are watched, and what they are themselves; also where they lead to nothing yet."""
    yes = PathChanged("p", True, "/way/f")
    for name in ("one", "two"):
        (world.root / name).mkdir()
    (world.root / "link").symlink_to("one")
    (world.root / "way").symlink_to("./link")  # a link to a link
    assert world.watch("/way/f", CHANGED) == NO
    (world.root / "one/f").touch()
    assert yes in world.told_now()
    with (world.root / "one/f").open("w"):
        pass
    assert yes in world.told_now()
    (world.root / "new").symlink_to("two")
    (world.root / "new").rename(world.root / "link")
    assert world.told_now() == [yes], "there is nothing any more"
    (world.root / "two/f").touch()
    assert yes in world.told_now()
    (world.root / "one/f").unlink()
    assert world.told_now() == []
    (world.root / "link").unlink()
    (world.root / "link").symlink_to("not/yet")
    assert world.told_now() == [yes]
    (world.root / "not").mkdir()
    assert world.told_now() == []
    (world.root / "not/yet").mkdir()
    (world.root / "not/yet/f").touch()
    assert yes in world.told_now()


def test_a_link_at_the_path(world: World) -> None:
    """What it leads to is what is there; that the link is another one matters only if nothing is there then."""
    (world.root / "a").touch()
    (world.root / "f").symlink_to("a")
    assert world.watch("/f", CHANGED) == NO
    (world.root / "a").write_text("x")
    assert world.told_now() == [YES]
    (world.root / "b").touch()
    (world.root / "new").symlink_to("b")
    (world.root / "new").rename(world.root / "f")
    assert world.told_now() == []
    (world.root / "a").write_text("y")
    assert world.told_now() == []
    (world.root / "b").write_text("x")
    assert world.told_now() == [YES]


def test_a_link_below_a_root_stays_there(world: World) -> None:
    (world.root / "target").mkdir()
    (world.root / "link").symlink_to("/../target/../../target")
    assert world.watch("/link", CHANGED) == NO
    (world.root / "target/new").touch()
    assert world.told_now() == [PathChanged("p", True, "/link")]


def test_what_cannot_be_watched(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    (world.root / "file").touch()
    failed = world.watch("/file/below", EXISTS)
    said = f"Failed to add a watch for {world.root}/file/below: Not a directory"
    assert failed == PortFailed("p", "Not a directory", said)
    (world.root / "loop").symlink_to("loop")
    assert world.watch("/loop/x", EXISTS).message == "Too many levels of symbolic links"

    def no_space(*_arguments: Any) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    assert world.watch("/later/file", EXISTS) == NO
    monkeypatch.setattr(syscalls, "watch_path", no_space)
    (world.root / "later").mkdir()
    (failed,) = world.told_now()
    assert failed.message == "No space left on device"
    assert failed.said.endswith("inotify watch limit reached")
    assert world.inotify.fd == -1

    def no_descriptor() -> int:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(syscalls, "inotify", no_descriptor)
    assert world.watch("/later/file", EXISTS).said == "Failed to allocate inotify fd: Too many open files"


def test_nothing_that_blocks_is_opened(world: World) -> None:
    os.mkfifo(world.root / "f")
    for what in (CHANGED, DIRECTORY_NOT_EMPTY, MODIFIED):
        assert world.watch("/f", what, what) == PathChanged(what, False)
    assert world.watch("/f", EXISTS) == YES


def test_one_descriptor_for_all(world: World) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for number in range(300):
        world.watch(f"/not/there/{number}", EXISTS, str(number))
    assert len(os.listdir("/proc/self/fd")) == before + 1
    assert len(world.inotify._watchers) <= len(world.root.parts)
    (world.root / "not/there").mkdir(parents=True)
    (world.root / "not/there/7").touch()
    assert world.told_now() == [PathChanged("7", True, "/not/there/7")]


def test_a_directory_that_is_made_again_and_again(world: World) -> None:
    assert world.watch("/d/f", CHANGED) == NO
    directory = world.root / "d"
    for number in range(200):
        directory.mkdir()
        (directory / "f").touch()
        if number % 7 == 0:
            world.one_turn()
        (directory / "f").unlink()
        directory.rmdir()
    world.told_now()
    assert len(world.inotify._watchers) <= len(world.root.parts) + 1
    directory.mkdir()
    (directory / "f").touch()
    assert PathChanged("p", True, "/d/f") in world.told_now()


def test_nobody_is_woken_by_what_nobody_waits_for(world: World) -> None:
    """The directory in which another one is missing is looked at no more closely than others when that has come."""
    world.watch("/d", DIRECTORY_NOT_EMPTY)
    world.watch("/e", DIRECTORY_NOT_EMPTY, "e")
    for name in ("d", "e"):
        (world.root / name).mkdir()
    assert world.told_now() == []
    (world.root / "other").touch()
    assert not select.select([world.inotify.fd], [], [], 0)[0]
    world.ports.carry_out(ClosePort("e"))
    (world.root / "e/file").touch()
    assert world.told_now() == []
    (world.root / "d/file").touch()
    assert world.told_now() == [PathChanged("p", True, "/d")]


@pytest.mark.parametrize("what", [CHANGED, MODIFIED])
def test_too_much_happens(world: World, what: str) -> None:
    """The kernel's queue is full: it is looked at all that is watched, and what has changed is told."""
    limit = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    for name in ("f", "still", "flood", "flood/a", "flood/b"):
        (world.root / name).mkdir()
    (world.root / "f").rmdir()
    (world.root / "f").touch()
    (world.root / "file").touch()
    world.watch("/f", what)
    world.watch("/file", what, "file")
    world.watch("/gone", EXISTS, "gone")
    world.watch("/flood/a", what, "a")
    with (world.root / "flood/a/1").open("w") as one, (world.root / "flood/a/2").open("w"):
        for number in range(limit // 2 + 2):
            os.rename(one.name, f"{one.name}{number}")
            os.rename(f"{one.name}{number}", one.name)
    (world.root / "f").write_text("x")
    (world.root / "gone").touch()
    told = world.told_now()
    assert {event.port for event in told} == {"p", "gone", "a"}


def test_a_flood_takes_turns(world: World) -> None:
    """What arrives is read in pieces, and everybody else has a turn in between."""
    world.watch("/d/f", EXISTS)
    (world.root / "d").mkdir()
    world.told_now()
    for number in range(2000):
        (world.root / "d" / str(number)).touch()
    turns = 0

    def count() -> None:
        nonlocal turns
        turns += 1
        if select.select([world.inotify.fd], [], [], 0)[0]:
            world.loop.defer(STRANGERS, count)
        else:
            world.loop.stop()

    world.loop._stopped = False
    world.loop.defer(STRANGERS, count)
    world.loop.run()
    assert turns >= 3


@pytest.mark.parametrize("what", [CHANGED, MODIFIED])
@pytest.mark.parametrize("before", [False, True])
def test_a_path_that_changes_while_nobody_looks(world: World, what: str, before: bool) -> None:
    """It appears, or is replaced, during a re-execution; a path that nothing happens to is not told of."""
    path, still = world.root / "f", world.root / "still"
    still.touch()
    if before:
        path.touch()
    world.watch("/f", what)
    world.watch("/still", what, "still")
    new = world.root / "new"
    new.touch()
    new.rename(path)
    world.executed_again()
    asked = [world.watch("/f", what), world.watch("/still", what, "still")]
    assert YES in asked + world.told_now()
    assert not asked[1].holds
    path.unlink()
    assert world.told_now() == [YES]


def test_a_lost_descriptor_costs_no_more_than_a_look(world: World) -> None:
    (world.root / "f").touch()
    world.watch("/f", CHANGED)
    world.watch("/g", CHANGED, "g")
    saved = world.ports.saved()
    world.ports.close()
    (world.root / "f").write_text("x")
    world.ports = world.more_ports()
    world.ports.restore([{**one, "fd": -1} for one in saved])
    assert world.watch("/f", CHANGED) == YES
    assert world.watch("/g", CHANGED, "g") == PathChanged("g", False)
    (world.root / "g").touch()
    assert PathChanged("g", True, "/g") in world.told_now()


@pytest.mark.parametrize("way", ["a/../" * 800, "a/" * 400])
def test_a_way_that_others_make_long(world: World, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Links may lead through thousands of directories, each to the next one. How many of them are watched is bounded,
    and so is what a look costs; that the rest is not watched is said once."""
    os.makedirs(world.root / way.replace("../", ""))
    for number in range(35):
        (world.root / way / f"l{number}").symlink_to(f"/{way}l{number + 1}")
    (world.root / "f").symlink_to(f"/{way}l0")
    calls = 0
    original = syscalls.watch_path

    def watch(fd: int, path: str, events: int) -> int:
        nonlocal calls
        calls += 1
        return original(fd, path, events)

    monkeypatch.setattr(syscalls, "watch_path", watch)
    answer = world.watch("/f", CHANGED)
    assert calls < 2 * MOST_PARTS
    assert answer.said == f"Too many directories and links on the way to /f, watching the first {MOST_PARTS} only."
    assert world.watch("/f", CHANGED) == NO
    world.executed_again()
    assert world.watch("/f", CHANGED) == NO
    (world.root / "b").touch()
    (world.root / "new").symlink_to("b")
    (world.root / "new").rename(world.root / "f")
    assert world.told_now() == [YES], "it is watched as far as it goes"
    (world.root / "b").write_text("x")
    assert world.told_now() == [YES]


def test_a_way_that_becomes_long(world: World) -> None:
    """That is said when it is seen, whether or not anything holds."""
    (world.root / "a").mkdir()
    assert world.watch("/f", EXISTS) == NO
    (world.root / "f").symlink_to("a/../" * 800 + "g")
    (told,) = world.told_now()
    assert not told.holds and told.said


def test_a_way_with_a_name_that_is_too_long(world: World) -> None:
    """The kernel takes no more than 4096 bytes, which links may lead further than."""
    name = "n" * 250
    down = os.open(world.root, os.O_RDONLY)
    for number in range(20):
        if number == 10:
            os.symlink("/".join([name] * 10), "next", dir_fd=down)
        os.mkdir(name, dir_fd=down)
        down, above = os.open(name, os.O_RDONLY, dir_fd=down), down
        os.close(above)
    os.close(down)
    (world.root / "f").symlink_to("/".join([name] * 10) + "/next")
    answer = world.watch("/f/x", EXISTS)
    assert answer == PathChanged("p", False, said=answer.said) and answer.said


@pytest.mark.parametrize(("pattern", "most"), [("/*.ready", 1), ("/d*/*.ready", 2)])
def test_patterns_are_looked_at_once(world: World, pattern: str, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever happens costs one search for what matches, and one for each directory of the pattern."""
    (world.root / "d").mkdir()
    world.watch(pattern, EXISTS_GLOB)
    searches = []
    original = syscalls.glob

    def search(pattern: str, braces: bool = False) -> list[str]:
        searches.append(pattern)
        return original(pattern, braces=braces)

    monkeypatch.setattr(syscalls, "glob", search)
    (world.root / "d1").mkdir()
    assert world.told_now() == []
    assert len(searches) == most


def test_links_stand_for_no_patterns(world: World) -> None:
    """Whoever makes one has nothing searched."""
    for name in ("a*", "ab", "ab/c", "a*/c", "*", "d"):
        (world.root / name).mkdir()
    (world.root / "in").symlink_to("a*")
    (world.root / "nowhere").symlink_to("*/" * 100)
    assert world.watch("/in/*/x", EXISTS_GLOB) == NO
    assert world.watch("/nowhere/*/x", EXISTS_GLOB, "nowhere") == PathChanged("nowhere", False)
    watched = len(world.inotify._watchers)
    (world.root / "d/x").touch()
    assert world.told_now() == [] and len(world.inotify._watchers) == watched
    assert watched == len({"/", "in", "a*", "a*/c", "nowhere", "*"})
    (world.root / "a*/c/x").touch()
    assert world.told_now() == [PathChanged("p", True, "/in/c/x")]


def test_a_link_that_leads_upwards(world: World) -> None:
    (world.root / "d/e").mkdir(parents=True)
    (world.root / "d/f").symlink_to("e/..")
    assert world.watch("/d/f", CHANGED) == NO
    (world.root / "d/new").touch()
    assert world.told_now() == [PathChanged("p", True, "/d/f")]
