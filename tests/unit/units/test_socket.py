"""The socket machine, step by step (systemd.socket(5))."""

from __future__ import annotations

from typing import Optional

import pytest

from systemctl_replacement.records import replace
from systemctl_replacement.unitfile.directives.table import section_table
from systemctl_replacement.units import events
from systemctl_replacement.units.commands.state import ExecStatus
from systemctl_replacement.units.kind import Roles
from systemctl_replacement.units.listen_on import DIRECTIVES, SocketOptions
from systemctl_replacement.units.socket.config import PHASES
from systemctl_replacement.units.socket.kind import KIND
from systemctl_replacement.units.socket.state import Connection
from tests.unit.units.socket_world import PEER, SERVICE, A, B, SocketWorld, config, other

WARNING, ERROR = 4, 3


def said(world: SocketWorld, level: int = WARNING) -> list[str]:
    """What was logged, no less urgent than that."""
    return [action.message for action in world.asked if isinstance(action, events.Log) and action.level <= level]


def asked(world: SocketWorld, *kinds: type) -> list[events.Action]:
    """What was asked for, of these kinds, since the last time."""
    found = [action for action in world.asked if isinstance(action, kinds)]
    world.asked.clear()
    return found


def test_the_whole_life() -> None:
    world = SocketWorld(config(A, B, owner=True, phases=PHASES)).started()
    assert world.seen == ["start-pre", "start-chown", "start-post", "listening"]
    assert world.waited_for == {A, B}
    world.step(events.Stop())
    world.run()
    assert world.seen[4:] == ["stop-pre", "stop-post", "dead"]
    assert [key[:2] for key in world.state.statuses] == [
        *((phase, 0) for phase in ("ExecStartPre", "start-chown", *PHASES[1:]))
    ]
    assert world.state.statuses[0][2].code == "exited"
    assert not world.ports
    world.step(events.Start())
    assert world.state.statuses == ()


def test_ports_are_opened_one_after_the_other_until_one_cannot_be() -> None:
    world = SocketWorld(config(A, B, "FIFO /run/c"))
    world.step(events.Start())
    world.answer()
    assert world.ports == {A}
    world.unanswered.clear()
    world.step(events.PortFailed(B, "Address already in use", "Failed to create listening socket (/run/b): No"))
    assert world.seen == ["start-chown", "failed"]
    assert not world.ports and not world.unanswered
    assert said(world) == [
        "Failed to create listening socket (/run/b): No",
        "Failed to listen on sockets: Address already in use",
        "Failed with result 'resources'.",
    ]


class Compared(str):
    """A name that counts what it costs to look for it among others."""

    times = 0
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        Compared.times += 1
        return str.__eq__(self, other)


def test_what_many_ports_cost() -> None:
    names = [Compared(f"Stream /run/{number}") for number in range(200)]
    world = SocketWorld(config(*names))
    world.step(events.Start())
    while world.unanswered:
        world.answer()
    assert world.state.sub == "listening"
    assert world.state.open == tuple(names)
    assert Compared.times < 20 * len(names)


def test_what_a_port_lacks_is_told_and_no_failure() -> None:
    world = SocketWorld(config())
    world.step(events.Start())
    world.unanswered.clear()
    world.ports.add(A)
    world.step(events.Listening(A, ((WARNING, "SO_MARK failed: Operation not permitted"),)))
    assert said(world) == ["SO_MARK failed: Operation not permitted"]
    assert world.state.sub == "listening"


def test_a_port_that_comes_too_late_is_closed() -> None:
    world = SocketWorld(config())
    world.step(events.Start())
    world.step(events.Stop())
    assert world.seen[-1] == "dead"
    assert asked(world, events.ClosePort) == [events.ClosePort(A)]
    world.step(events.Listening(A))
    assert asked(world, events.ClosePort) == [events.ClosePort(A)]


def test_the_service_is_triggered_once_and_the_socket_follows_it() -> None:
    world = SocketWorld(config(A, B)).started()
    asked(world)
    world.connect()
    assert asked(world, events.Trigger) == [events.Trigger(SERVICE)]
    assert world.state.sub == "running"
    world.connect(B)  # who has not been told to stop waiting
    assert asked(world, events.Trigger) == []
    world.becomes(other("running"))
    world.tell()
    world.becomes(other("dead", "start"))  # the second half of a restart
    world.tell()
    assert world.state.sub == "running"
    world.becomes(other("failed"))
    world.tell()
    assert world.state.sub == "listening"
    assert asked(world, events.WatchPort) == [events.WatchPort(A), events.WatchPort(B)]


@pytest.mark.parametrize(
    "service", [other("start-pre"), other("running"), other("auto-restart"), other("dead", "start")]
)
def test_a_service_that_comes_anyway_gets_no_job(service: events.Other) -> None:
    world = SocketWorld(config(), service=service).started()
    asked(world)
    world.connect()
    assert asked(world, events.Trigger) == []
    assert world.state.sub == "running"


def test_a_service_that_was_started_otherwise() -> None:
    world = SocketWorld(config()).started()
    world.becomes(other("running"))
    world.tell()
    assert world.state.sub == "running"


def test_what_is_flushed() -> None:
    world = SocketWorld(config(flush_pending=True)).started()
    assert asked(world, events.FlushPort) == [events.FlushPort(A)]
    world.stop_pending = True
    world.connect()
    assert asked(world, events.FlushPort, events.WatchPort) == [events.FlushPort(A), events.WatchPort(A)]
    assert (world.state.sub, world.service) == ("listening", other())


def test_a_service_that_cannot_be_started() -> None:
    world = SocketWorld(config()).started()
    world.connect()
    world.refuse()
    assert (world.state.sub, world.state.result) == ("failed", "resources")
    hint = "(Maybe the service file is missing or not a non-template unit?)"
    assert said(world)[0] == f"Failed to queue service startup job {hint}: Unit a.service not found."


def test_limits() -> None:
    world = SocketWorld(config(trigger_limit_burst=2, trigger_limit_interval_usec=1000)).started()
    for now in (1_000_000, 1_000_001, 1_002_000, 1_002_001, 1_002_002):
        world.now = now
        world.connect()
        world.becomes(other())
        world.tell()
    assert (world.state.sub, world.state.result, world.state.refused) == ("failed", "trigger-limit-hit", 1)
    assert "Trigger limit hit, refusing further activation." in said(world)
    world.step(events.ResetFailed())
    assert (world.state.sub, world.state.result) == ("dead", "success")

    world = SocketWorld(config()).started()
    world.connect()
    world.becomes(other("failed", limit_hit=True))
    world.tell()
    assert (world.state.sub, world.state.result) == ("failed", "service-start-limit-hit")
    world.step(events.StartLimitHit())
    assert said(world)[-2] == "Start request repeated too quickly."
    assert world.state.result == "service-start-limit-hit"


@pytest.mark.parametrize(
    ("service", "refusal"),
    [
        (other(), ""),
        (other("failed"), ""),
        (other("auto-restart"), ""),
        (other("dead", load_state="not-found"), "Socket service a.service not loaded, refusing."),
        (other("running"), "Socket service a.service already active, refusing."),
        (other("start-pre"), "Socket service a.service already active, refusing."),
    ],
)
def test_what_a_start_is_refused_for(service: events.Other, refusal: str) -> None:
    assert KIND.refusal(config(), {SERVICE: service}) == refusal
    assert KIND.refusal(config(accept=True), {"a@1.service": service}) == ""


def test_each_connection_has_an_instance() -> None:
    world = SocketWorld(config(A, B, accept=True)).started()
    asked(world)
    world.connect()
    world.connect(B)
    world.answer()
    world.answer()
    first, second = "a@0-10-0.service", "a@1-10-0.service"
    assert asked(world, events.Accept, events.Trigger) == [
        events.Accept(A, "connection 0", SocketOptions()),
        events.Accept(B, "connection 1", SocketOptions()),
        events.Trigger(first, "connection 0", "PID 10/UID 0"),
        events.Trigger(second, "connection 1", "PID 10/UID 0"),
    ]
    assert (world.state.sub, world.waited_for) == ("listening", {A, B})
    world.give_back("connection 0")
    assert world.state.connections == (Connection("connection 1", second),)
    world.step(events.Stop())
    assert world.state.sub == "dead"
    assert KIND.is_needed(world.state)
    world.give_back("connection 1")
    assert not KIND.is_needed(world.state)
    assert (world.state.accepted, world.state.refused) == (2, 0)


def test_a_connection_too_many() -> None:
    world = SocketWorld(config(accept=True, max_connections=2)).started()
    for _ in range(3):
        world.connect()
        world.answer()
    assert said(world) == ["Too many incoming connections (2), dropping connection."]
    assert (world.state.accepted, world.state.refused, len(world.given), world.taken) == (2, 1, 2, set())


def test_connections_of_one_source() -> None:
    world = SocketWorld(config(accept=True, max_connections_per_source=1)).started()
    for source in ("::1", "::1", "10.0.0.1", "", ""):
        world.connect()
        accept = world.unanswered.pop()
        assert isinstance(accept, events.Accept)
        world.taken.add(accept.connection)
        world.step(events.Accepted(A, accept.connection, events.Peer("x", "y", source)))
    assert said(world) == ["Too many incoming connections (2) from source ::1, dropping connection."]
    assert (world.state.accepted, world.state.refused) == (4, 1)


def test_a_connection_that_comes_while_the_socket_goes() -> None:
    world = SocketWorld(config(accept=True, phases=("ExecStopPre",))).started()
    world.connect()
    world.step(events.Stop())
    asked(world)
    world.answer()
    assert asked(world, events.Trigger, events.ClosePort) == [events.ClosePort("connection 0")]
    world.run()
    world.step(events.Accepted(A, "connection 7", PEER))
    assert asked(world, events.ClosePort)[-1] == events.ClosePort("connection 7")


def test_connections_are_refused_while_a_stop_waits() -> None:
    world = SocketWorld(config(accept=True), stop_pending=True).started()
    world.connect()
    world.answer()
    assert (world.state.accepted, world.state.refused, world.taken) == (0, 1, set())


def test_an_instance_that_cannot_be_started() -> None:
    world = SocketWorld(config(accept=True)).started()
    world.connect()
    world.answer()
    world.refuse("connection 0")
    assert (world.state.sub, world.state.result, world.state.connections) == ("failed", "resources", ())
    hint = "(Maybe the service file is missing or not a template unit?)"
    assert said(world)[0] == f"Failed to queue service startup job {hint}: Invalid argument"


def test_an_instance_that_has_no_name() -> None:
    world = SocketWorld(config(accept=True)).started()
    world.connect()
    world.unanswered.clear()
    world.step(events.Accepted(A, "connection 0", events.Peer("x" * 300, "")))
    assert (world.state.sub, world.given) == ("failed", {})


@pytest.mark.parametrize("accept", [True, False])
def test_what_cannot_be_waited_for_or_taken(accept: bool) -> None:
    world = SocketWorld(config(accept=accept)).started()
    if accept:
        world.connect()
        world.answer("Too many open files")
        assert said(world)[0] == "Failed to accept connection socket: Too many open files"
    else:
        world.step(events.PortFailed(A, "Operation not permitted", ""))
        assert said(world)[0] == "Failed to watch sockets: Operation not permitted"
    assert (world.state.sub, world.state.result) == ("failed", "resources")


@pytest.mark.parametrize(
    ("phase", "seen", "result", "messages"),
    [
        ("ExecStartPre", ["final-sigterm", "failed"], "timeout", ["Starting timed out. Terminating."]),
        ("ExecStartPost", ["final-sigterm", "failed"], "timeout", ["Starting timed out. Stopping."]),
        ("ExecStopPre", ["stop-pre-sigterm", "failed"], "timeout", ["Stopping timed out. Terminating."]),
        ("ExecStopPost", ["final-sigterm", "failed"], "timeout", ["Stopping timed out (2). Terminating."]),
    ],
)
def test_commands_that_take_too_long(phase: str, seen: list[str], result: str, messages: list[str]) -> None:
    world = SocketWorld(config(phases=(phase,)))
    world.step(events.Start())
    while world.unanswered:
        world.answer()
    if phase.startswith("ExecStop"):
        world.step(events.Stop())
    pid = world.fork()
    world.seen.clear()
    world.asked.clear()
    world.elapse()
    world.exit(pid, "killed", 9)
    assert (world.seen, world.state.result) == (seen, result)
    assert said(world)[: len(messages)] == messages


def test_up_the_ladder() -> None:
    world = SocketWorld(config(phases=("ExecStopPre", "ExecStopPost"))).started()
    world.step(events.Stop())
    world.fork()
    world.seen.clear()
    for _ in range(3):
        world.elapse()
    assert world.seen == ["stop-pre-sigterm", "stop-pre-sigkill", "stop-post"]
    assert not world.ports
    world.fork()
    for _ in range(3):
        world.elapse()
    assert world.seen[3:] == ["final-sigterm", "final-sigkill", "failed"]
    assert said(world) == [
        "Stopping timed out. Terminating.",
        "Stopping timed out. Killing.",
        "Processes still around after SIGKILL. Ignoring.",
        "Stopping timed out (2). Terminating.",
        "Stopping timed out (2). Killing.",
        "Still around after SIGKILL (2). Entering failed mode.",
        "Failed with result 'timeout'.",
    ]


@pytest.mark.parametrize(("restarting", "signal"), [(False, 9), (True, 15)])
def test_a_start_that_is_given_up_is_killed_at_once(restarting: bool, signal: int) -> None:
    """Whatever the state is called: systemd sends the signal to end only when the socket is restarted."""
    world = SocketWorld(config(phases=("ExecStartPre",)), restart_pending=restarting)
    world.step(events.Start())
    pid = world.fork()
    world.step(events.Stop())
    assert world.state.sub == "stop-pre-sigterm"
    (sent,) = asked(world, events.SignalAll)
    assert isinstance(sent, events.SignalAll) and sent.signal == signal
    world.exit(pid, "killed", signal)
    assert (world.state.sub, world.state.result) == ("failed", "signal")


@pytest.mark.parametrize("phase", PHASES)
def test_commands_that_cannot_be_run(phase: str) -> None:
    world = SocketWorld(config(phases=(phase,)))
    world.step(events.Start())
    while world.unanswered:
        world.answer()
    if phase.startswith("ExecStop"):
        world.step(events.Stop())
    world.seen.clear()
    (token,) = world.spawns
    world.spawns.clear()
    world.step(events.SpawnFailed(token, "Cannot allocate memory"))
    assert (world.seen, world.state.result) == (["failed"], "resources")


@pytest.mark.parametrize(
    ("left", "told"),
    [
        ((A, B), None),
        ((A,), None),
        ((A, "Stream /run/c"), "and some socket file descriptors have not been opened yet"),
        (("Stream /run/c",), "no open socket file descriptor left"),
    ],
)
def test_a_changed_file(left: tuple[str, ...], told: Optional[str]) -> None:
    world = SocketWorld(config(A, B)).started()
    world.asked.clear()
    world.config = config(*left)
    world.step(events.Reloaded())
    assert world.ports == {A, B} & set(left)
    assert [told in text for text in said(world) if told] == ([True] if told else said(world))


def test_what_has_happened_meanwhile() -> None:
    world = SocketWorld(config()).started()
    world.connect()
    world.service = other("dead")
    world.step(events.Reloaded())
    assert (world.state.sub, world.waited_for) == ("listening", {A})


def test_what_is_asked_for_again_after_a_reexecution() -> None:
    world = SocketWorld(config(A, B, accept=True))
    context = events.Context(world.now)
    world.step(events.Start())
    world.answer()
    assert KIND.resume(world.config, world.state, context) == tuple(world.unanswered)
    world.run()
    world.connect()
    assert KIND.resume(world.config, world.state, context) == (events.Accept(A, "connection 0", SocketOptions()),)
    world.answer()
    assert KIND.resume(world.config, world.state, context) == ()


def test_roles_and_what_stops_a_supervisor_from_going() -> None:
    world = SocketWorld(config(phases=("ExecStartPre",)))
    assert KIND.is_resting(world.state) and not KIND.is_changing(world.state)
    world.step(events.Start())
    pid = world.fork()
    assert KIND.roles(world.state) == Roles(0, pid)
    assert not KIND.is_resting(world.state) and KIND.is_changing(world.state)
    assert KIND.stopping(world.config) == (90_000_000, 15)
    world.run()
    assert KIND.is_resting(world.state)
    assert world.state.statuses[0][2] == ExecStatus(pid, (world.now,) * 2, (world.now,) * 2, "exited", 0)


def test_the_defaults_of_options_are_those_of_the_directives() -> None:
    table = section_table("Socket")
    assert {name: getattr(SocketOptions(), name) for name in DIRECTIVES} == {
        name: table[directive].default for name, directive in DIRECTIVES.items()
    }


def leaving() -> SocketWorld:
    """A socket that has been stopped, and waits for the end of its directories."""
    world = SocketWorld(replace(config(A), preserve_directories="no")).started()
    world.asked.clear()
    world.step(events.Stop())
    return world


def test_its_directories_are_removed_before_it_is_down() -> None:
    world = leaving()
    assert (world.state.sub, asked(world, events.RemoveDirectories)) == ("final-sigterm", [events.RemoveDirectories()])
    assert not world.ports
    assert KIND.resume(world.config, world.state, events.Context(0)) == (events.RemoveDirectories(),)
    world.step(events.RemoverDied())
    assert asked(world, events.RemoveDirectories) == [events.RemoveDirectories()]
    for event in (events.Stop(), events.Empty(), events.ResetFailed(), events.Reloaded()):
        world.step(event)
    assert world.state.sub == "final-sigterm"
    world.step(events.Removed())
    assert (world.state.sub, world.state.deadline) == ("dead", None)
    assert KIND.resume(world.config, world.state, events.Context(0)) == ()
    world.started()
    assert world.state.sub == "listening"


def test_a_removal_that_takes_too_long_is_given_up() -> None:
    world = leaving()
    world.elapse()
    assert asked(world, events.StopRemoving) == [events.StopRemoving()]
    assert world.state.sub == "dead"
    world.step(events.Removed())
    assert world.state.sub == "dead"


@pytest.mark.parametrize(
    ("preserve", "restarts", "credentials", "expected"),
    [
        ("yes", False, False, []),
        ("yes", False, True, [events.RemoveDirectories(preserve=True)]),
        ("restart", True, False, []),
        ("restart", False, False, [events.RemoveDirectories()]),
        ("no", True, False, [events.RemoveDirectories()]),
    ],
)
def test_what_is_preserved(preserve: str, restarts: bool, credentials: bool, expected: list[events.Action]) -> None:
    world = SocketWorld(replace(config(A), preserve_directories=preserve, has_credentials=credentials)).started()
    world.restart_pending = restarts
    world.asked.clear()
    world.step(events.Stop())
    assert asked(world, events.RemoveDirectories) == expected


def test_a_start_that_fails_leaves_no_directories_and_one_that_was_refused_has_made_none() -> None:
    world = SocketWorld(replace(config(A, phases=("ExecStartPre",)), preserve_directories="no"))
    world.step(events.StartLimitHit())
    assert (world.state.sub, asked(world, events.RemoveDirectories)) == ("failed", [])
    world.step(events.Start())
    world.exit(world.fork(), "exited", 1)
    assert (world.state.sub, len(asked(world, events.RemoveDirectories))) == ("final-sigterm", 1)
    world.step(events.Removed())
    assert (world.state.sub, world.state.result) == ("failed", "exit-code")
