"""What /proc/self/mountinfo says, and how often it is read."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any

import pytest

from systemctl_replacement.manager import mountinfo
from systemctl_replacement.manager.mountinfo import Mounts, MountWatch, parse
from systemctl_replacement.units.mounted import Mounted, Unmounted


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            "36 35 98:0 /m1 /mnt/a\\040b rw,noatime master:1 - ext3 /dev/root rw,errors=continue",
            ("mnt-a\\x20b.mount", Mounted("/mnt/a b", "/dev/root", "ext3", "rw,noatime,errors=continue")),
        ),
        (
            "1 1 0:1 / / ro,relatime - overlay overlay rw",
            ("-.mount", Mounted("/", "overlay", "overlay", "ro,relatime")),
        ),
        ("1 1 0:1 / /srv rw - tmpfs x ro", ("srv.mount", Mounted("/srv", "x", "tmpfs", "ro"))),
        (
            r"1 1 0:1 / /srv rw - overlay a\043b rw,lowerdir=/a\054b\134040",
            ("srv.mount", Mounted("/srv", "a#b", "overlay", r"rw,lowerdir=/a,b\040")),
        ),
        ("1 1 0:1 / /srv rw - tmpfs  rw", ("srv.mount", Mounted("/srv", "", "tmpfs", "rw"))),
        ("1 1 0:1 / /srv", None),
        (r"1 1 0:1 / /srv rw - tmpfs a\9 rw", None),
        ("", None),
        ("1 1 0:1 / /proc rw - proc proc rw", None),
        ("1 1 0:1 / /sys/fs/cgroup/memory rw - cgroup cgroup rw", None),
        (f"1 1 0:1 / /{'x' * 300} rw - tmpfs x rw", None),
    ],
)
def test_lines(line: str, expected: Any) -> None:
    assert parse(line) == expected


class World:
    """A kernel, a manager, and one mount unit `a.mount`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.lines: list[str] = []
        self.readings = 0
        self.now = 10_000_000
        self.timers: list[Any] = []
        self.watched: Any = False
        self.told: list[object] = []
        self.warned: list[str] = []
        self.mounted: Any = None
        monkeypatch.setattr(mountinfo, "_read_all", lambda _fd: self.read())
        monkeypatch.setattr(mountinfo, "now_monotonic", lambda: self.now)
        kind = SimpleNamespace(mounted=lambda _state: self.mounted)
        traits = SimpleNamespace(from_mountinfo=True)
        unit: Any = SimpleNamespace(
            id="a.mount", traits=traits, kind=kind, state=None, active_state="inactive", invocation_id=""
        )
        self.unit = unit
        loop = SimpleNamespace(
            watch_edges=lambda _fd, callback: setattr(self, "watched", callback),
            remove=lambda _fd: setattr(self, "watched", False),
            call_at=lambda at, callback: self.timers.append((at, callback)),
            guard=lambda function, *arguments: function(*arguments),
        )

        class Registry(list):  # type: ignore[type-arg]
            perpetual = ("-.mount",)

            def found_mounted(self, _unit: object) -> None:
                return

        self.registry = Registry([unit])
        core: Any = SimpleNamespace(loop=loop, registry=self.registry)
        driver: Any = SimpleNamespace(step=lambda _unit, event: self.tell(event))
        self.mounts = Mounts(self.warned.append, "")
        self.watch = MountWatch(core, self.mounts, driver)

    def read(self) -> bytes:
        self.readings += 1
        return "".join([f"{line}\n" for line in self.lines]).encode("utf-8", "surrogateescape")

    def tell(self, event: object) -> None:
        self.told.append(event)
        self.mounted = event if isinstance(event, Mounted) else None

    def change(self, *points: str) -> None:
        self.lines = [f"1 1 0:1 / {point} rw - tmpfs x rw" for point in points]
        if callable(self.watched):
            self.watched(1)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


def test_a_unit_is_told_what_becomes_of_its_mount(world: World) -> None:
    world.watch.begin()
    assert world.told == []
    world.change("/a")
    assert world.told == [Mounted("/a", "x", "tmpfs", "rw")] and world.unit.invocation_id
    world.change("/a", "/b")
    assert len(world.told) == 1
    world.change("/b")
    assert isinstance(world.told[-1], Unmounted)


def test_a_thousand_mounts_are_read_a_few_times(world: World) -> None:
    world.watch.begin()
    for number in range(1_000):
        world.change(*[f"/{one}" for one in range(number)])
    assert world.readings <= 7 and not world.watched
    ((at, look),) = world.timers
    assert at == world.now + 1_000_000
    world.change("/a")
    assert world.told == []
    world.now = at + 1
    look()
    assert world.told == [Mounted("/a", "x", "tmpfs", "rw")] and world.watched
    world.change()
    assert isinstance(world.told[-1], Unmounted)


def test_nothing_is_read_for_nobody(world: World) -> None:
    world.registry.clear()
    world.watch.begin()
    world.change("/a")
    assert world.readings == 0
    assert list(world.mounts.now()) == ["a.mount"] == list(world.mounts.now())
    assert world.readings == 1


def test_a_place_shows_the_last_that_is_mounted_there(world: World) -> None:
    world.lines = ["1 1 0:1 / /a rw - tmpfs below rw", "2 1 0:2 / /a rw - tmpfs above rw"]
    assert world.mounts.now()["a.mount"].what == "above"


@pytest.mark.parametrize("character", "\v\f\r\x1c\x1d\x1e\x85\u2028\u2029\udcff")
def test_a_name_may_have_any_character(world: World, character: str) -> None:
    world.lines = [f"1 1 0:1 /{character} /a{character}b rw - tmpfs x{character} rw", "2 1 0:2 / /c rw - tmpfs x rw"]
    odd, plain = world.mounts.now().items()
    assert odd[1] == Mounted(f"/a{character}b", f"x{character}", "tmpfs", "rw") and plain[0] == "c.mount"
    assert odd[0] == "a" + "".join([rf"\x{byte:02x}" for byte in os.fsencode(character)]) + "b.mount"


def test_a_line_without_sense_costs_itself_only(world: World) -> None:
    world.lines = ["1 1 0:1 / /a rw - tmpfs x rw", "what is this", "2 1 0:2 / /b rw - tmpfs x rw"]
    assert list(world.mounts.now()) == ["a.mount", "b.mount"] and not world.warned


def test_it_cannot_be_read(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_fd: int) -> bytes:
        raise OSError(12, "Cannot allocate memory")

    monkeypatch.setattr(mountinfo, "_read_all", fail)
    assert world.mounts.now() == {}
    assert world.warned == ["Cannot read /proc/self/mountinfo: Cannot allocate memory"]
