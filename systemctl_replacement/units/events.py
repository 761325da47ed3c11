"""What can happen to a unit, and what its machine asks for in return.

A machine is a pure function `step(config, state, event, context) -> (state, actions)`: events come from the manager's
loop, actions are carried out by it. Nothing here knows of descriptors, clocks or processes other than by number.
Times are monotonic microseconds; a stamp is (realtime, monotonic).
"""

from __future__ import annotations

from systemctl_replacement.records import dataclass
from systemctl_replacement.units.context import Context as Context
from systemctl_replacement.units.context import Other as Other

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Optional, Union

    from systemctl_replacement.units import bus_events, dates
    from systemctl_replacement.units.listen_on import ListenOn, SocketOptions
    from systemctl_replacement.units.mounted import (
        MakeMountPoint,
        Mounted,
        MountPointFailed,
        MountPointMade,
        Unmounted,
    )

Stamp = tuple[int, int]

# --- events -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Start:
    """A start job runs. The unit's conditions hold and its start limit is not hit."""


@dataclass(frozen=True)
class StartLimitHit:
    """A start job ran, but the unit was started too often (StartLimitBurst=, systemd.unit(5))."""


@dataclass(frozen=True)
class Stop:
    """A stop job runs."""


@dataclass(frozen=True)
class Reload:
    """A reload job runs."""


@dataclass(frozen=True)
class ResetFailed:
    """`systemctl reset-failed`."""


@dataclass(frozen=True)
class Forked:
    """The process of a Spawn action exists; whether its program can be executed is not known yet."""

    token: int
    pid: int
    time: Stamp


@dataclass(frozen=True)
class Executed:
    """The program of a Spawn action has been executed (what Type=exec waits for). uid, gid: those of User= and Group=,
    -1 for none."""

    token: int
    uid: int = -1
    gid: int = -1


@dataclass(frozen=True)
class SpawnFailed:
    """No process came of a Spawn action: fork failed, an environment file could not be read, the supervisor died."""

    token: int
    message: str


@dataclass(frozen=True)
class Exited:
    """A process of the unit ended. `code` is exited, killed or dumped; `status` the exit status or the signal."""

    pid: int
    code: str
    status: int
    time: Stamp
    last: bool = False  # no process of the unit is left


@dataclass(frozen=True)
class Empty:
    """No process of the unit is left."""


@dataclass(frozen=True)
class Elapsed:
    """The deadline of the state has passed."""


@dataclass(frozen=True)
class WatchdogElapsed:
    """The service gave no sign of life for longer than WatchdogSec=."""


@dataclass(frozen=True)
class RestartRefused:
    """The job that EnqueueRestart asked for cannot be enqueued."""


@dataclass(frozen=True)
class Notified:
    """A notification that NotifyAccess= lets through (sd_notify(3)), from process `pid` of user `uid` (-1: unknown).
    main_pid: MAINPID=, if it may be believed."""

    pid: int
    fields: Mapping[str, str]
    main_pid: int = 0
    main_alien: bool = False
    uid: int = -1


@dataclass(frozen=True)
class MainGuessed:
    """Answer to GuessMain: the only process of the unit that nobody accounts for, else 0."""

    pid: int


@dataclass(frozen=True)
class PidFileRead:
    """What PIDFile= says: a process that may be believed to be the main one, or 0 and why not. `refused`: it names one
    that may not."""

    pid: int
    alien: bool = False
    message: str = ""
    refused: bool = False


@dataclass(frozen=True)
class Listening:
    """Answer to Listen: the descriptor is there. problems: what could not be had of it, by syslog level; it is as good
    as any without."""

    port: str
    problems: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True)
class PortReady:
    """Answer to WatchPort, once: somebody connects, or there is something to read."""

    port: str


@dataclass(frozen=True)
class Peer:
    """Who has connected, and to where. instance: as the name of the instance that serves them has it; text: as people
    are told, "" if that cannot be said; source: the address that connections are counted by, "" for none."""

    instance: str
    text: str
    source: str = ""


@dataclass(frozen=True)
class Accepted:
    """Answer to Accept: the connection is a port now. problems: as with Listening."""

    port: str
    connection: str
    peer: Peer
    problems: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True)
class ClockElapsed:
    """Answer to SetClock, once: the time has come."""

    port: str


@dataclass(frozen=True)
class ClockStepped:
    """Answer to SetClock, once, of the realtime clock: it was set, so that the time has to be worked out anew."""

    port: str


@dataclass(frozen=True)
class PathChanged:
    """Answer to WatchPath: whether the condition holds, and then of which path (a pattern stands for many). Told again
    when it holds or happens later. said: what there is to warn of, "" for nothing."""

    port: str
    holds: bool
    path: str = ""
    said: str = ""


@dataclass(frozen=True)
class ConnectionClosed:
    """A connection that went over to another unit with a Trigger is closed: that unit is down, or was never started."""

    unit: str
    connection: str


@dataclass(frozen=True)
class Triggered:
    """Answer to Trigger: there is a job for the unit."""

    unit: str


@dataclass(frozen=True)
class TriggerRefused:
    """Answer to Trigger: there is no job for the unit, and why not. A connection that it has got is closed, too."""

    unit: str
    message: str


@dataclass(frozen=True)
class TriggeredChanged:
    """The state or the job of a unit that this one triggers (Triggers=, org.freedesktop.systemd1(5)) has changed, maybe
    more than once; `Context.triggered` says how it is now."""

    unit: str


@dataclass(frozen=True)
class Reloaded:
    """The unit files were read again (`daemon-reload`), or the manager has executed itself: what was worked out from
    configuration, clocks and paths may be different now."""


@dataclass(frozen=True)
class PortFailed:
    """Answer to any action on a port: it could not be done, and why. said: what systemd logs of that in particular;
    task: what it calls the whole that has failed, when it was Listen."""

    port: str
    message: str
    said: str = ""
    task: str = "listen on sockets"


@dataclass(frozen=True)
class Removed:
    """Answer to RemoveDirectories: they are gone, or nobody can be had to remove them."""


@dataclass(frozen=True)
class RemoverDied:
    """Answer to RemoveDirectories: it is not known what is left."""


if TYPE_CHECKING:
    Event = Union[
        bus_events.BusNameChanged, bus_events.BusMissing, bus_events.BusLost,
        Start, StartLimitHit, Stop, Reload, ResetFailed, Forked, Executed, SpawnFailed, Exited, Empty,
        Elapsed, WatchdogElapsed, RestartRefused, Notified, MainGuessed, PidFileRead, Removed, RemoverDied,
        Listening, PortReady, Accepted, ClockElapsed, ClockStepped, dates.ZoneChanged, PathChanged, PortFailed,
        ConnectionClosed, Triggered, TriggerRefused, TriggeredChanged, Reloaded, Mounted, Unmounted,
        MountPointMade, MountPointFailed,
    ]  # fmt: skip
else:
    Event = object

# --- actions ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Changed:
    """The unit entered a sub-state. The machine may pass through several in one step; each is announced in order."""

    sub: str
    active: str
    result: str
    will_restart: bool = False
    reload_failed: bool = False


@dataclass(frozen=True)
class Spawn:
    """Start a process. `phase` is the directive the command comes from (ExecStart ...); `main` that it becomes the
    main process; `environment` is what the machine knows (MAINPID=, SERVICE_RESULT= ...). `when_idle`: it waits until
    no job is left, 5 s at most (Type=idle, systemd.service(5))."""

    token: int
    phase: str
    command: Any  # unitfile.parsers.commands.ExecCommand, or units.listen_on.TakeOwnership
    main: bool
    environment: tuple[str, ...] = ()
    when_idle: bool = False


@dataclass(frozen=True)
class Signal:
    """Send a signal to single processes. `hup` adds SIGHUP, `cont` SIGCONT (systemd.kill(5))."""

    pids: tuple[int, ...]
    signal: int
    hup: bool = False
    cont: bool = True


@dataclass(frozen=True)
class SignalAll:
    """Send a signal to every process of the unit but those in `spare`."""

    signal: int
    spare: tuple[int, ...] = ()
    hup: bool = False
    cont: bool = True


@dataclass(frozen=True)
class TellProcesses:
    """Log a line about each process, whose pid and name replace `{}`: those in `pids`; everyone: then all others of the
    unit."""

    level: int
    message: str
    pids: tuple[int, ...] = ()
    everyone: bool = True


@dataclass(frozen=True)
class Identify:
    """Tell whoever tracks the processes which is the main and which the control process (0: none). `foreign`: the main
    process is none that was started for the unit, its parent may be anybody."""

    main: int
    control: int
    foreign: bool = False


@dataclass(frozen=True)
class GuessMain:
    """Find out the main process of a forking service without PIDFile=; answered by MainGuessed."""


@dataclass(frozen=True)
class WatchPidFile:
    """Read PIDFile= whenever it changes, or stop doing so; what it says then is an event of its own."""

    on: bool


@dataclass(frozen=True)
class RemovePidFile:
    """The service is gone: so is its PID file."""


@dataclass(frozen=True)
class RemoveDirectories:
    """The service is about to be dead: remove its credentials, and its runtime directories unless they are preserved;
    answered by Removed."""

    preserve: bool = False


@dataclass(frozen=True)
class StopRemoving:
    """The removal takes too long: give it up, without an answer."""


@dataclass(frozen=True)
class ReleaseResources:
    """The service is dead: close what it has stored with us, unless it comes back."""

    restarting: bool


@dataclass(frozen=True)
class EnqueueRestart:
    """RestartSec= has passed: enqueue a restart job."""


@dataclass(frozen=True)
class Trigger:
    """Enqueue a start job for another unit; answered at once by Triggered or TriggerRefused. connection: the port of
    this unit that goes over to it first, "" for none; told by ConnectionClosed when it is closed there. peer: who is
    at its other end, for the description of the other unit. details: what the processes of the other unit learn of the
    occasion, as variables ($TRIGGER_…, systemd.exec(5))."""

    unit: str
    connection: str = ""
    peer: str = ""
    details: tuple[str, ...] = ()


# Ports (manager/ports/): sockets, clocks and watched paths that the manager holds for a unit, by names that its machine
# chooses. They survive a re-execution, and are closed when the unit goes down.

MONOTONIC, REALTIME = "monotonic", "realtime"
EXISTS, EXISTS_GLOB, DIRECTORY_NOT_EMPTY = "exists", "exists-glob", "directory-not-empty"
CHANGED, MODIFIED = "changed", "modified"


@dataclass(frozen=True)
class Listen:
    """Make a descriptor to listen on, unless the port is there already: answered by Listening."""

    port: str
    on: ListenOn


@dataclass(frozen=True)
class WatchPort:
    """Tell, once, when a socket has something: answered by PortReady."""

    port: str


@dataclass(frozen=True)
class Accept:
    """Take one connection of a socket that is ready, as a port of its own, with the socket's options; answered by
    Accepted, or by PortReady when the next one comes, if this one was given up."""

    port: str
    connection: str
    options: Optional[SocketOptions] = None


@dataclass(frozen=True)
class FlushPort:
    """Drop the connections and the data that wait at a socket or a FIFO, as many as systemd does. No answer."""

    port: str


@dataclass(frozen=True)
class SetClock:
    """Tell, once, when a clock reaches a time (systemd.timer(5)), in microseconds: answered by ClockElapsed, which may
    be late by `accuracy`, so that several come together. Of the REALTIME clock also when it is set, by ClockStepped, or
    the time zone changes, by ZoneChanged; then `at` may be None: nothing else is waited for."""

    port: str
    clock: str
    at: Optional[int]
    accuracy: int = 0


@dataclass(frozen=True)
class WatchPath:
    """Tell what becomes of a path (systemd.path(5)): answered at once by PathChanged or PortFailed. `what` is EXISTS,
    EXISTS_GLOB, DIRECTORY_NOT_EMPTY, CHANGED or MODIFIED. One that is watched already is only looked at."""

    port: str
    path: str
    what: str


@dataclass(frozen=True)
class MakeDirectories:
    """Make directories, with those above them (MakeDirectory=, systemd.path(5)). What cannot be made is logged."""

    paths: tuple[str, ...]
    mode: int


@dataclass(frozen=True)
class ClosePort:
    """Have a port no more, if there is one of this name."""

    port: str


@dataclass(frozen=True)
class Log:
    """A line for the unit's log, by syslog level (3 err, 4 warning, 5 notice, 6 info, 7 debug). of_unit: systemd says
    of which unit it is. fields: further fields of its record, by their names (systemd.journal-fields(7))."""

    level: int
    message: str
    of_unit: bool = True
    fields: tuple[tuple[str, str], ...] = ()


if TYPE_CHECKING:
    Action = Union[
        Changed, Spawn, Signal, SignalAll, Identify, GuessMain, WatchPidFile, RemovePidFile,
        bus_events.AwaitBusName,
        RemoveDirectories, StopRemoving, ReleaseResources,
        EnqueueRestart, Log, TellProcesses,
        Trigger, Listen, WatchPort, Accept, FlushPort, SetClock, WatchPath, MakeDirectories, ClosePort,
        dates.WriteStamp, MakeMountPoint,
    ]  # fmt: skip
else:
    Action = object
