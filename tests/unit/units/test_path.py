"""The machine of paths (systemd.path(5)): what each event means in each state."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from systemctl_replacement.units import events
from systemctl_replacement.units.events import (
    CHANGED,
    DIRECTORY_NOT_EMPTY,
    EXISTS,
    EXISTS_GLOB,
    Changed,
    ClosePort,
    Context,
    Log,
    MakeDirectories,
    Other,
    PathChanged,
    PortFailed,
    Trigger,
    WatchPath,
)
from systemctl_replacement.units.path import KIND, PathConfig, PathState

WATCHED = ((EXISTS, "/a"), (CHANGED, "/b"))


class World:
    """A path and the unit that it triggers. Answers are given as the driver gives them."""

    def __init__(self, **settings: Any) -> None:
        self.config = PathConfig("a.path", "a.service", **{"watched": WATCHED, **settings})
        self.state = PathState()
        self.now = 1
        self.other = "inactive"
        self.job = ""
        self.limit_hit = False
        self.refused = ""
        self.stop_pending = False
        self.good: dict[str, str] = {}  # what holds, by path: which path triggers
        self.broken: dict[str, str] = {}  # what cannot be watched
        self.open: dict[str, WatchPath] = {}
        self.asked: list[Any] = []
        self.triggered: list[tuple[str, ...]] = []

    @property
    def context(self) -> Context:
        other = Other("loaded", self.other, "", "success", self.job, {}, self.limit_hit)
        return Context(self.now, triggered={"a.service": other}, stop_pending=self.stop_pending)

    def step(self, event: events.Event) -> list[Any]:
        """All that is asked for until nothing is left to answer."""
        asked: list[Any] = []
        waiting = [event]
        while waiting:
            self.state, actions = KIND.step(self.config, self.state, waiting.pop(0), self.context)
            for action in actions:
                asked.append(action)
                answer = self.answer(action)
                if answer is not None:
                    waiting.append(answer)
        self.asked += asked
        assert self.state.told == self.state.sub
        assert not self.state.unanswered
        assert set(self.open) == set(self.state.ports)
        return asked

    def answer(self, action: Any) -> Any:
        if isinstance(action, WatchPath):
            if action.path in self.broken:
                self.open.pop(action.port, None)
                return PortFailed(action.port, self.broken[action.path])
            self.open[action.port] = action
            found = self.good.get(action.path, "")
            return PathChanged(action.port, bool(found), found)
        if isinstance(action, ClosePort):
            self.open.pop(action.port, None)
        if isinstance(action, Trigger):
            if self.refused:
                return events.TriggerRefused(action.unit, self.refused)
            self.triggered.append(action.details)
            self.job = "start"
            return events.Triggered(action.unit)
        return None

    def other_is(self, active: str, job: str = "") -> list[Any]:
        self.other, self.job = active, job
        return self.step(events.TriggeredChanged("a.service"))


def states(asked: list[Any]) -> list[tuple[str, str]]:
    return [(action.sub, action.result) for action in asked if isinstance(action, Changed)]


def logged(asked: list[Any]) -> list[str]:
    return [action.message for action in asked if isinstance(action, Log)]


def test_it_waits_and_triggers_and_waits_again() -> None:
    world = World()
    assert states(world.step(events.Start())) == [("waiting", "success")]
    (port,) = [port for port, asked in world.open.items() if asked.path == "/b"]
    assert states(world.step(PathChanged(port, True, "/b"))) == [("running", "success")]
    assert world.triggered == [("TRIGGER_UNIT=a.path", "TRIGGER_PATH=/b")]
    assert not world.open
    assert not world.other_is("activating", "start")
    assert not world.other_is("active")
    assert states(world.other_is("inactive")) == [("waiting", "success")]
    assert states(world.step(events.Stop())) == [("dead", "success")]
    assert logged(world.asked)[-1] == "Deactivated successfully."


def test_a_condition_that_holds_triggers_at_once_and_again() -> None:
    world = World()
    world.good["/a"] = "/a"
    assert states(world.step(events.Start())) == [("running", "success")]
    assert not states(world.other_is("failed"))
    assert len(world.triggered) == 2
    world.good.clear()
    assert states(world.other_is("failed")) == [("waiting", "success")]


def test_the_first_that_holds_triggers_also_if_others_cannot_be_watched() -> None:
    world = World(watched=((EXISTS, "/x"), (EXISTS_GLOB, "/a*"), (EXISTS, "/b")))
    world.broken["/x"] = "Not a directory"
    world.good.update({"/a*": "/abc", "/b": "/b"})
    assert states(world.step(events.Start())) == [("running", "success")]
    assert world.triggered == [("TRIGGER_UNIT=a.path", "TRIGGER_PATH=/abc")]


def test_what_cannot_be_watched_fails_it() -> None:
    world = World()
    world.broken["/a"] = "No space left on device"
    asked = world.step(events.Start())
    assert states(asked) == [("failed", "resources")]
    assert logged(asked) == [
        "Failed to enter waiting state: No space left on device",
        "Failed with result 'resources'.",
    ]
    assert KIND.active_state(world.config, world.state) == "failed"
    world.broken.clear()
    assert states(world.step(events.Start())) == [("waiting", "success")]
    assert states(world.step(PortFailed("exists /a", "Not a directory"))) == [("failed", "resources")]
    assert states(world.step(events.ResetFailed())) == [("dead", "success")]


def test_a_job_that_is_refused_fails_it() -> None:
    world = World()
    world.good["/a"], world.refused = "/a", "Unit x.service not found."
    asked = world.step(events.Start())
    assert states(asked) == [("failed", "resources")]
    assert logged(asked)[1] == "Failed to queue unit startup job: Unit x.service not found."


def test_limits() -> None:
    world = World(burst=2, interval=1000)
    world.good["/a"] = "/a"
    world.step(events.Start())
    world.other_is("inactive")
    assert len(world.triggered) == 2
    asked = world.other_is("inactive")
    assert states(asked) == [("failed", "trigger-limit-hit")]
    assert "Trigger limit hit, refusing further activation." in logged(asked)
    world.now += 2000
    world.job = ""
    world.step(events.Start())
    world.limit_hit = True
    assert states(world.other_is("failed")) == [("failed", "unit-start-limit-hit")]
    assert states(world.step(events.StartLimitHit())) == []
    world.step(events.ResetFailed())
    assert states(world.step(events.StartLimitHit())) == [("failed", "start-limit-hit")]


def test_without_a_limit() -> None:
    world = World(burst=0)
    world.good["/a"] = "/a"
    world.step(events.Start())
    for _ in range(1000):
        world.other_is("inactive")
    assert len(world.triggered) == 1001


def test_the_other_unit_is_up_already() -> None:
    world = World()
    world.other = "active"
    world.good["/a"] = "/a"
    assert states(world.step(events.Start())) == [("running", "success")]
    assert not world.triggered
    world.good.clear()
    assert states(world.other_is("inactive")) == [("waiting", "success")]
    assert states(world.other_is("active")) == [("running", "success")], "somebody else has started it"


def test_nothing_is_triggered_when_it_is_to_stop() -> None:
    world = World()
    world.step(events.Start())
    world.stop_pending = True
    assert not states(world.step(PathChanged("exists /a", True, "/a")))
    assert not world.triggered
    assert states(world.step(events.Stop())) == [("dead", "success")]


def test_directories_are_made_before_anything_is_looked_at() -> None:
    watched = ((EXISTS, "/a"), (CHANGED, "/b"), (DIRECTORY_NOT_EMPTY, "/c"), (EXISTS_GLOB, "/d*"))
    world = World(watched=watched, make_directory=True, directory_mode=0o700)
    assert world.step(events.Start())[0] == MakeDirectories(("/b", "/c"), 0o700)


def test_a_reload_keeps_what_is_watched() -> None:
    world = World()
    world.step(events.Start())
    world.config = PathConfig("a.path", "a.service", watched=(*WATCHED[1:], (EXISTS, "/new")))
    asked = world.step(events.Reloaded())
    assert ClosePort("exists /a") in asked
    assert ClosePort("changed /b") not in asked
    assert sorted(world.open) == ["changed /b", "exists /new"]
    world.good["/new"] = "/new"
    assert states(world.step(events.Reloaded())) == [("running", "success")]
    world.config = PathConfig("a.path", "")
    assert states(world.other_is("inactive")) == []


def test_the_unit_to_trigger_has_to_be_there() -> None:
    config = PathConfig("a.path", "b.service")
    refusal = "Refusing to start, unit b.service to trigger not loaded."
    assert KIND.refusal(config, {}) == refusal
    masked = Other("masked", "inactive", "dead", "success", "", {})
    assert KIND.refusal(config, {"b.service": masked}) == refusal
    assert KIND.refusal(config, {"b.service": Other("loaded", "inactive", "dead", "success", "", {})}) == ""


def test_a_unit_with_several_names() -> None:
    """What becomes of it is told by the name of its file, whatever name Unit= gives."""
    world = World()
    world.step(events.Start())
    world.other = "active"
    assert states(world.step(events.TriggeredChanged("real.service"))) == [("running", "success")]
    world.other = "inactive"
    assert states(world.step(events.TriggeredChanged("real.service"))) == [("waiting", "success")]


def test_what_there_is_to_warn_of_is_logged() -> None:
    world = World()
    world.step(events.Start())
    assert logged(world.step(PathChanged("changed /b", False, said="Too many"))) == ["Too many"]
    assert world.state.sub == "waiting"


HAPPENINGS = (
    "start", "stop", "reset", "limit", "good", "bad", "break", "mend", "tell", "job", "up", "down", "hit", "refuse",
    "accept", "reload", "time", "fail-port", "pending",
)  # fmt: skip


@pytest.mark.parametrize("burst", [0, 3])
@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(HAPPENINGS), st.integers(0, 9)), max_size=40))
def test_whatever_happens(burst: int, happenings: list[tuple[str, int]]) -> None:
    """It watches if and only if it waits; what holds is never left alone while the other unit is down."""
    world = World(burst=burst)
    for what, number in happenings:
        path = WATCHED[number % 2][1]
        triggered = len(world.triggered)
        happen(world, what, path)
        sub = world.state.sub
        assert sub in ("dead", "waiting", "running", "failed")
        assert (sub == "failed") is (world.state.result != "success")
        assert len(world.triggered) <= triggered + 1
        if sub != "waiting":
            assert not world.open
        elif not world.stop_pending:
            assert len(world.open) == len(WATCHED)
    world.stop_pending = False
    if world.state.sub in ("waiting", "running"):
        world.step(events.Stop())
    world.step(events.ResetFailed())
    assert (world.state.sub, world.state.result, world.open) == ("dead", "success", {})


def happen(world: World, what: str, path: str) -> None:
    down = world.state.sub in ("dead", "failed")
    simple: dict[str, events.Event] = {
        "stop": events.Stop(),
        "reset": events.ResetFailed(),
        "reload": events.Reloaded(),
    }
    if what in simple:
        world.step(simple[what])
    elif what == "start" and down:
        world.step(events.Start())
    elif what == "limit" and down:
        world.step(events.StartLimitHit())
    elif what in ("good", "bad"):
        world.good.update({path: path if what == "good" else ""})
    elif what == "break":
        world.broken[path] = "No"
    elif what == "mend":
        world.broken.clear()
    elif what == "tell" and world.open:
        port, asked = next(iter(world.open.items()))
        world.step(PathChanged(port, True, asked.path))
    elif what == "fail-port" and world.open:
        port = next(iter(world.open))
        del world.open[port]
        world.step(PortFailed(port, "No"))
    elif what in ("job", "up", "down"):
        world.other_is({"up": "active", "down": "failed"}.get(what, world.other), "start" if what == "job" else "")
    elif what == "hit":
        world.limit_hit = not world.limit_hit
    elif what in ("refuse", "accept"):
        world.refused = "No" if what == "refuse" else ""
    elif what == "time":
        world.now += 1_000_000
    elif what == "pending":
        world.stop_pending = not world.stop_pending
