"""What the process on the bus tells the manager: the last word on each name, and not without end."""

from __future__ import annotations

from systemctl_replacement.process.bus.watcher import Pending


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_name_that_changes_hands_without_end() -> None:
    clock = Clock()
    pending = Pending(clock)
    told: list[dict[str, object]] = []
    for number in range(10_000):
        pending.owner("a.b", f":1.{number}", number)
        told += pending.take()
    assert len(told) == 64
    wait = pending.wait()
    assert wait is not None
    assert 0 < wait <= 51
    clock.now += wait / 1000
    assert list(pending.take()) == [{"ev": "owner", "name": "a.b", "owner": ":1.9999", "pid": 9999}]
    assert pending.wait() is None


def test_units_that_are_wanted_without_end() -> None:
    pending = Pending(Clock())
    assert all(pending.activate("a.service") for _ in range(1000))
    assert sum(pending.activate(f"{number}.service") for number in range(1000)) == 255
    pending.trouble("is left out now")
    assert [news["ev"] for news in pending.take()] == ["activate"] * 64


def test_what_is_told_of_names_comes_first() -> None:
    pending = Pending(Clock())
    pending.activate("a.service")
    pending.owner("a.b", "", 0)
    assert [news["ev"] for news in pending.take()] == ["owner", "activate"]
