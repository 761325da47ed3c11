"""Commands and the kill ladder, driven by a made-up kind of unit: what a socket or a mount needs of them.

It runs ExecStartPre= one by one, is up, runs ExecStop=, and kills what is left.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Optional

import pytest

from systemctl_replacement import message_ids
from systemctl_replacement.records import dataclass, field
from systemctl_replacement.unitfile.directives.table import section_table
from systemctl_replacement.unitfile.load import load
from systemctl_replacement.unitfile.loadpath import Index
from systemctl_replacement.unitfile.parsers.commands import ExecCommand
from systemctl_replacement.unitfile.specifiers import Host
from systemctl_replacement.units import events
from systemctl_replacement.units.commands.config import KillSettings, kill_settings
from systemctl_replacement.units.commands.flow import KILL, TERMINATE, Flow, Rung
from systemctl_replacement.units.commands.kind import CommandsKind
from systemctl_replacement.units.commands.state import CommandsState, ExecStatus
from systemctl_replacement.units.kind import Roles
from systemctl_replacement.units.states import RESOURCES, SUCCESS, TIMEOUT
from tests.unit.units.world import command

PRE, STOP = "ExecStartPre", "ExecStop"
TIMEOUT_USEC = 5


@dataclass(frozen=True)
class ToyConfig(KillSettings):
    commands: Mapping[str, tuple[ExecCommand, ...]] = field(default_factory=dict)
    timeout_stop_usec: int = TIMEOUT_USEC

    def phase(self, name: str) -> tuple[ExecCommand, ...]:
        return self.commands.get(name, ())


class ToyFlow(Flow):
    rungs: ClassVar[Mapping[str, Rung]] = {
        "stop-sigterm": Rung(TERMINATE, "Stopping timed out.", "stop-sigkill", "Skipping SIGKILL. Ignoring."),
        "stop-sigkill": Rung(KILL, "Processes still around after SIGKILL. Ignoring."),
    }
    tasks: ClassVar[Mapping[str, str]] = {PRE: "start-pre", STOP: "stop"}

    def active_state(self, sub: str) -> str:
        known = {"dead": "inactive", "failed": "failed", "start-pre": "activating", "up": "active"}
        return known.get(sub, "deactivating")

    def after_kill(self, sub: str, result: str) -> None:
        self.fail_with(result)
        self.set(control=None, deadline=None)
        self.enter("dead" if self.state.result == SUCCESS else "failed")

    def step(self, event: events.Event) -> None:
        sub = self.state.sub
        if isinstance(event, events.Start):
            if not self.run_control(PRE, "start-pre", TIMEOUT_USEC):
                self.enter("up")
        elif isinstance(event, events.Stop):
            if sub == "start-pre" or not self.run_control(STOP, "stop", TIMEOUT_USEC):
                self.enter_signal("stop-sigterm", SUCCESS)
        elif isinstance(event, events.Forked):
            self.forked(event)
        elif isinstance(event, events.SpawnFailed):
            if self.spawn_failed(event):
                self.enter_signal("stop-sigterm", RESOURCES)
        elif isinstance(event, events.Exited):
            self.set(populated=not event.last)
            if event.pid in self.known_pids():
                self._ended(event)
            elif sub in self.rungs and event.last:
                self.after_kill(sub, SUCCESS)
        elif isinstance(event, events.Elapsed):
            if sub in self.rungs:
                self.kill_timed_out(sub)
            else:
                self.enter_signal("stop-sigterm", TIMEOUT)

    def _ended(self, event: events.Exited) -> None:
        sub = self.state.sub
        running, result = self.control_ended(event)
        self.log_exit("Control", running.phase, event, quiet=result == SUCCESS)
        if result == SUCCESS and self.spawn_next(running, TIMEOUT_USEC):
            return
        if sub == "start-pre" and result == SUCCESS:
            self.set(deadline=None)
            self.enter("up")
        elif sub in self.rungs:
            self.after_kill(sub, result)
        else:
            self.enter_signal("stop-sigterm", result)


class ToyKind(CommandsKind):
    flow = ToyFlow
    phases = (PRE, STOP)

    def step(
        self, config: Any, state: CommandsState, event: events.Event, context: events.Context
    ) -> tuple[CommandsState, tuple[events.Action, ...]]:
        flow = ToyFlow(config, state, context)
        flow.step(event)
        return flow.state, tuple(flow.actions)


KIND = ToyKind()


class Toy:
    """One unit of the kind, with its processes."""

    def __init__(self, *, pre: int = 1, stop: int = 0, **settings: Any) -> None:
        commands = {PRE: tuple(command(f"/pre{i}") for i in range(pre)), STOP: (command("/stop"),) * stop}
        self.config = ToyConfig(commands=commands, **settings)
        self.state = CommandsState()
        self.now = 0
        self.pid = 0
        self.pids: set[int] = set()
        self.seen: list[str] = []
        self.actions: tuple[events.Action, ...] = ()

    @property
    def context(self) -> events.Context:
        return events.Context(now=self.now)

    def step(self, event: events.Event) -> None:
        self.state, self.actions = KIND.step(self.config, self.state, event, self.context)
        self.seen += [action.sub for action in self.actions if isinstance(action, events.Changed)]

    def asked(self, kind: type[events.Action]) -> list[Any]:
        return [action for action in self.actions if isinstance(action, kind)]

    def fork(self) -> int:
        assert self.state.control is not None and KIND.expects(self.state, self.state.control.token)
        self.pid += 1
        self.pids.add(self.pid)
        self.step(events.Forked(self.state.control.token, self.pid, (self.now, self.now)))
        return self.pid

    def exit(self, pid: int, status: int = 0, code: str = "exited") -> None:
        self.pids.discard(pid)
        self.step(events.Exited(pid, code, status, (self.now, self.now), last=not self.pids))

    def elapse(self) -> None:
        ((self.now, event),) = KIND.deadlines(self.state)
        self.step(event)

    def started(self) -> Toy:
        self.step(events.Start())
        while self.state.control is not None:
            self.exit(self.fork())
        return self


def test_one_command_after_the_other() -> None:
    toy = Toy(pre=2)
    toy.step(events.Start())
    assert [action.command.path for action in toy.asked(events.Spawn)] == ["/pre0"]
    toy.now = 3
    first = toy.fork()
    assert KIND.roles(toy.state) == Roles(0, first)
    assert toy.asked(events.Identify)[-1] == events.Identify(0, first, False)
    toy.now = 4
    toy.exit(first)
    assert [action.command.path for action in toy.asked(events.Spawn)] == ["/pre1"]
    assert toy.state.deadline == 4 + TIMEOUT_USEC
    toy.exit(toy.fork(), 0)
    assert toy.seen == ["start-pre", "up"]
    assert toy.state.statuses[0] == (PRE, 0, ExecStatus(first, (3, 3), (4, 4), "exited", 0))
    assert KIND.roles(toy.state) == Roles()


def test_a_command_that_fails_ends_the_list() -> None:
    toy = Toy(pre=2)
    toy.step(events.Start())
    toy.exit(toy.fork(), 3)
    (line,) = toy.asked(events.Log)
    assert (line.level, line.message) == (5, "Control process exited, code=exited, status=3/NOTIMPLEMENTED")
    told = {"COMMAND": PRE, "EXIT_CODE": "exited", "EXIT_STATUS": "3"}
    assert dict(line.fields) == {"MESSAGE_ID": message_ids.UNIT_PROCESS_EXIT, **told}
    assert (toy.seen, toy.state.result) == (["start-pre", "failed"], "exit-code")


def test_a_signal_that_ends_a_command_is_a_warning() -> None:
    for code in ("killed", "dumped"):
        toy = Toy(pre=1)
        toy.step(events.Start())
        toy.exit(toy.fork(), 11, code)
        (line,) = toy.asked(events.Log)
        assert (line.level, line.message) == (4, f"Control process exited, code={code}, status=11/SEGV")


def test_what_may_fail_and_what_the_command_was_when_the_file_has_changed() -> None:
    toy = Toy(pre=0)
    allowed = command("/may-fail", ignore_failure=True)
    toy.config = ToyConfig(commands={PRE: (allowed, command("/second"))})
    toy.step(events.Start())
    toy.config = ToyConfig(commands={PRE: (command("/new"), allowed, command("/third"))})
    toy.exit(toy.fork(), 1)
    assert [action.command.path for action in toy.asked(events.Spawn)] == ["/third"]


def test_what_cannot_be_run() -> None:
    toy = Toy()
    toy.step(events.Start())
    assert toy.state.control is not None
    token = toy.state.control.token
    toy.step(events.SpawnFailed(token + 1, "not of this one"))
    assert toy.actions == ()
    toy.step(events.SpawnFailed(token, "Cannot allocate memory"))
    assert toy.asked(events.Log) == [events.Log(4, "Failed to run 'start-pre' task: Cannot allocate memory")]
    assert (toy.state.sub, toy.state.result) == ("failed", "resources")


def test_up_the_ladder() -> None:
    toy = Toy(stop=1).started()
    toy.step(events.Stop())
    toy.fork()
    toy.elapse()
    assert toy.asked(events.SignalAll) == [events.SignalAll(15)]
    assert KIND.is_killing(toy.state)
    toy.elapse()
    assert toy.asked(events.Log) == [events.Log(4, "Stopping timed out. Killing.")]
    assert toy.asked(events.SignalAll) == [events.SignalAll(9, cont=False)]
    toy.elapse()
    assert toy.asked(events.Log) == [events.Log(4, "Processes still around after SIGKILL. Ignoring.")]
    assert toy.seen == ["start-pre", "up", "stop", "stop-sigterm", "stop-sigkill", "failed"]
    assert (toy.state.result, KIND.deadlines(toy.state)) == ("timeout", ())


def test_without_sigkill() -> None:
    toy = Toy(stop=1, send_sigkill=False).started()
    toy.step(events.Stop())
    toy.fork()
    toy.elapse()
    toy.elapse()
    assert toy.asked(events.Log) == [events.Log(4, "Stopping timed out. Skipping SIGKILL. Ignoring.")]
    assert toy.state.sub == "failed"


@pytest.mark.parametrize(
    ("mode", "signalled"),
    [
        ("control-group", events.SignalAll(15, hup=True)),
        ("mixed", events.Signal((2,), 15, hup=True)),
        ("process", events.Signal((2,), 15, hup=True)),
        ("none", None),
    ],
)
def test_whom_a_stop_signals(mode: str, signalled: Optional[events.Action]) -> None:
    toy = Toy(stop=1, kill_mode=mode, send_sighup=True).started()
    toy.step(events.Stop())
    toy.fork()
    toy.elapse()
    found = [action for action in toy.actions if isinstance(action, (events.Signal, events.SignalAll))]
    assert found == ([signalled] if signalled is not None else [])
    assert toy.state.sub == ("stop-sigterm" if signalled is not None else "failed")


def test_who_is_still_being_made_is_killed_when_he_is_there() -> None:
    toy = Toy(kill_mode="process")
    toy.step(events.Start())
    toy.step(events.Stop())
    assert toy.state.sub == "stop-sigterm"
    pid = toy.fork()
    assert toy.asked(events.Signal) == [events.Signal((pid,), 15)]
    toy.exit(pid, 15, "killed")
    assert toy.state.sub == "failed"


def test_nothing_to_kill() -> None:
    toy = Toy().started()
    toy.step(events.Stop())
    assert (toy.seen, toy.state.result) == (["start-pre", "up", "dead"], "success")


def test_a_process_is_asked_for_again_after_a_reexecution() -> None:
    toy = Toy()
    toy.step(events.Start())
    (asked,) = toy.asked(events.Spawn)
    assert KIND.resume(toy.config, toy.state, toy.context) == (asked,)
    toy.fork()
    assert KIND.resume(toy.config, toy.state, toy.context) == ()


def test_what_show_says_of_the_commands() -> None:
    toy = Toy()
    toy.step(events.Start())
    toy.exit(toy.fork(), 1)
    shown = KIND.properties(load("x.mount", Index([]), Host()), toy.config, toy.state)
    assert (shown["Result"], shown["ControlPID"]) == ("exit-code", 0)
    (entry,) = shown[PRE]
    assert (entry["path"], entry["pid"], entry["code"], entry["status"]) == ("/pre0", 1, 1, 1)
    assert STOP not in shown


@pytest.mark.parametrize("section", ["Service", "Socket", "Mount"])
def test_the_defaults_of_killing_are_those_of_the_directives(section: str) -> None:
    assert KillSettings(**kill_settings(lambda name: section_table(section)[name].default)) == KillSettings()
