"""Runs the machines: an event goes in, the actions that come out are carried out here.

The only place that changes a unit's state. What follows from a change is the observers' of `Driver.unit_changed`.
"""

from __future__ import annotations

import os

from systemctl_replacement import tree_walk
from systemctl_replacement.jobs.model import RESTART, START, WAITING
from systemctl_replacement.log_levels import LOG_ERR, LOG_NOTICE, LOG_WARNING
from systemctl_replacement.loop import SLICE_USEC, now_monotonic, now_stamp
from systemctl_replacement.manager import main_process, mount_point, pid_file, unit_change
from systemctl_replacement.manager.dates import SystemDates
from systemctl_replacement.manager.each_process import log_each, some_of
from systemctl_replacement.manager.leftovers import Leftovers
from systemctl_replacement.manager.passed_descriptors import NOTHING, offered_to, remote_variables
from systemctl_replacement.manager.ports.of_units import PortsOfUnits
from systemctl_replacement.manager.spec_of_unit import ExecDefaults, NoDescriptor, spec_of, wants_descriptors
from systemctl_replacement.manager.unit import ManagedUnit
from systemctl_replacement.manager.unit_change import UnitChange
from systemctl_replacement.observers import Observers
from systemctl_replacement.process.told import STOP
from systemctl_replacement.records import replace
from systemctl_replacement.supervision.manager_log import highest_shown
from systemctl_replacement.supervision.supervision import Processes
from systemctl_replacement.units import events
from systemctl_replacement.units.bus_events import AwaitBusName
from systemctl_replacement.units.dates import WriteStamp
from systemctl_replacement.units.events import Context, Event, Exited, Other, PidFileRead
from systemctl_replacement.units.mounted import MakeMountPoint
from systemctl_replacement.units.states import INACTIVE_OR_FAILED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from systemctl_replacement.manager.core import Core
    from systemctl_replacement.units.events import Stamp

# Type=idle waits for the job queue to run empty, but not longer than this (systemd.service(5)).
IDLE_TIMEOUT_USEC = 5_000_000

_HEARD = (events.Notified, PidFileRead)  # what a service can cause as often as it likes
_STEPS_AT_ONCE = 16  # however long they take: what a usual socket's start logs is the same on a busy machine

PORT_ACTIONS = (
    events.Listen, events.WatchPort, events.Accept, events.FlushPort, events.SetClock, events.WatchPath,
    events.ClosePort,
)  # fmt: skip


class Asked:
    """A unit that asks for another one to be started, and the answer: Triggered or TriggerRefused."""

    def __init__(self, unit: ManagedUnit, action: events.Trigger) -> None:
        self.unit = unit
        self.action = action
        self.answer: Event | None = None


class Driver:
    """Steps units and does what their machines ask for.

    unit_changed: the one place where a unit's change of state is told, in the order of its observers.
    restart_due: told the unit whose RestartSec= is over.
    triggered: told which unit asks for another one to be started, and gives the answer.
    bus_name_awaited: told a unit that waits for its name on the system bus.
    boot: when init was started.
    """

    def __init__(
        self, core: Core, processes: Processes, execution: ExecDefaults, leftovers: Leftovers, boot: Stamp
    ) -> None:
        self.unit_changed: Observers[UnitChange] = Observers(core.loop.guard)
        self.restart_due: Observers[ManagedUnit] = Observers(core.loop.guard)
        self.triggered: Observers[Asked] = Observers(core.loop.guard)
        self.ports = PortsOfUnits(core, execution.root, self.step)
        self.bus_name_awaited: Observers[ManagedUnit] = Observers(core.loop.guard)
        self._boot = boot
        self._dates = SystemDates(lambda: core.machine_id)
        self._core = core
        self._processes = processes
        self._execution = execution
        self._leftovers = leftovers
        self._idle_spawns: list[Callable[[], object]] = []  # Type=idle: they wait until no job is left
        self.frozen = False  # whatever happens, no unit changes any more: the manager ends by force
        self._hearing = False  # the event that is given to a machine is what its service says
        # What is answered at once is an event for the machine, after everything else that it has asked for.
        self._carry_out: dict[type[Any], Callable[[ManagedUnit, Any], Event | None]] = {
            events.Changed: self._changed,
            events.Spawn: self._spawn,
            events.Signal: self._signal,
            events.SignalAll: self._signal_all,
            events.Identify: self._identify,
            events.GuessMain: self._guess_main,
            events.WatchPidFile: self._watch_pid_file,
            events.RemovePidFile: self._remove_pid_file,
            AwaitBusName: self._await_bus_name,
            events.RemoveDirectories: self._remove_directories,
            events.StopRemoving: self._stop_removing,
            events.ReleaseResources: self._release_resources,
            events.EnqueueRestart: self._enqueue_restart,
            events.Trigger: self._trigger,
            events.MakeDirectories: self._make_directories,
            WriteStamp: self._write_stamp,
            MakeMountPoint: self._make_mount_point,
            events.Log: self._log,
            events.TellProcesses: self._tell_processes,
            **dict.fromkeys(PORT_ACTIONS, self.ports.carry_out),
        }

    def step(self, unit: ManagedUnit, event: Event) -> None:
        """Give an event to a unit's machine and do what it answers."""
        if self.frozen:
            return
        if isinstance(event, events.Forked):
            self._leftovers.forked(unit.id)
        if isinstance(event, (events.Forked, events.SpawnFailed)):
            unit.asked_for.pop(event.token, None)
        hearing, self._hearing = self._hearing, isinstance(event, _HEARD)
        try:
            self._step(unit, event)
        finally:
            self._hearing = hearing

    def _step(self, unit: ManagedUnit, event: Event) -> None:
        told, waiting, steps, end = unit.active_state, [event], 0, now_monotonic() + SLICE_USEC
        try:
            while waiting:
                steps += 1
                kind, before, event = unit.kind, unit.state, waiting.pop(0)
                unit.state, actions = kind.step(unit.config, before, event, self._context(unit, event))
                if kind.deadlines(unit.state) != kind.deadlines(before):
                    self.arm(unit)
                self.ports.close(unit)  # before anybody is told
                told = self._do_all(unit, told, actions, waiting)
                is_many = steps > _STEPS_AT_ONCE and waiting and isinstance(waiting[0], events.Listening)
                if is_many and now_monotonic() > end:
                    break  # a socket may have thousands of ports, one after the other
        finally:
            if waiting:  # it takes too long, or something has gone wrong; the machine still waits for the answers
                self._core.call_soon(lambda: self._go_on(unit, waiting))

    def _go_on(self, unit: ManagedUnit, waiting: list[Event]) -> None:
        for event in waiting:
            self._core.loop.guard(self.step, unit, event)

    def _do_all(self, unit: ManagedUnit, old: str, actions: tuple[events.Action, ...], answers: list[Event]) -> str:
        """Do everything, also when something of it fails, which is raised in the end. The active state told last."""
        failures = []
        for action in actions:
            try:
                if isinstance(action, events.Changed):
                    # Passing through several states, each is compared with the one before.
                    before, old = old, action.active
                    self.unit_changed.tell(unit_change.change(unit, before, action))
                else:
                    answer = self._carry_out[type(action)](unit, action)
                    if answer is not None:
                        answers.append(answer)
            except Exception as error:
                failures.append(error)
        try:
            self.release_if_done(unit)
        finally:
            for failure in failures[1:]:
                self._core.report_exception(unit.id, failure)
            if failures:
                raise failures[0]
        return old

    def _context(self, unit: ManagedUnit, event: Event | None = None) -> Context:
        job = unit.job.type if unit.job is not None else ""
        realtime, monotonic = now_stamp()
        return Context(
            now=monotonic,
            realtime=realtime,
            random=int.from_bytes(os.urandom(4), "big") / 2**32,
            stop_pending=job == "stop",
            restart_pending=job == "restart",
            start_pending=job == "start" and unit.job is not None and unit.job.state == WAITING,
            pid_file=self._pid_file(unit, event),
            boot=self._boot,
            triggered=self._triggered(unit) if unit.traits.triggers else None,
            dates=self._dates,
            stamp=self._stamp(unit) if isinstance(event, events.Start) else None,
        )

    def refusal(self, unit: ManagedUnit) -> str:
        """Why a unit's machine would not start it, "" if it would."""
        return unit.kind.refusal(unit.config, self._triggered(unit)) if unit.traits.triggers else ""

    def _triggered(self, unit: ManagedUnit) -> dict[str, Other]:
        """What a unit may know of those that it triggers. Instances that serve connections are too many to be asked
        each time, and nothing depends on them."""
        others = [self._core.registry.known(other) for other in unit.file.dependencies.get("Triggers", ())]
        return {name: _as_other(other) for other in others for name in (other.id, *other.names)}

    def _pid_file(self, unit: ManagedUnit, event: Event | None) -> PidFileRead | None:
        """What PIDFile= says when it may matter: at the end of the main or the control process."""
        if not isinstance(event, Exited) or not unit.kind.pid_file(unit.config):
            return None
        if event.pid in (unit.roles.main, unit.roles.control):
            return main_process.read_pid_file(self._processes, unit, self._pid_file_path(unit))
        return None

    def _stamp(self, unit: ManagedUnit) -> int | None:
        path = unit.kind.stamp_file(unit.config)
        if not path:
            return None
        from systemctl_replacement.manager import stamp_files  # not for every system

        return stamp_files.read(self._execution.below_root(path))

    def _write_stamp(self, unit: ManagedUnit, action: WriteStamp) -> None:
        from systemctl_replacement.manager import stamp_files

        path = self._execution.below_root(unit.kind.stamp_file(unit.config))
        try:
            stamp_files.write(path, now_stamp()[0] if action.at is None else action.at)
        except OSError as error:
            said = f"Cannot write {path}: {error.strerror or error}"
            self._core.log_unit(unit.id, LOG_WARNING, said)

    def arm(self, unit: ManagedUnit) -> None:
        """Set the timer of a unit to the first of its deadlines."""
        if unit.timer is not None:
            unit.timer.cancel()
            unit.timer = None
        times = [at for at, _event in unit.kind.deadlines(unit.state)]
        if times:
            unit.timer = self._core.loop.call_at(min(times), lambda: self._elapsed(unit))

    def resume(self, unit: ManagedUnit) -> None:
        """Take up a unit where the manager before the re-execution left it."""
        self.arm(unit)
        asked = unit.kind.resume(unit.config, unit.state, self._context(unit))
        answers = [self._carry_out[type(one)](unit, one) for one in asked if not _is_under_way(unit, one)]
        self._go_on(unit, [answer for answer in answers if answer is not None])

    def tell_reloaded(self) -> None:
        """Tell the units that trigger others of what may have become different by itself."""
        for unit in self._core.registry:
            if unit.traits.triggers:
                self._core.loop.guard(self.step, unit, events.Reloaded())

    def _elapsed(self, unit: ManagedUnit) -> None:
        unit.timer = None
        if not unit.is_overdue:
            unit.is_overdue = True
            now = now_monotonic()
            self._processes.when_heard(unit.id, lambda: self._judge(unit, now))

    def _judge(self, unit: ManagedUnit, now: int) -> None:
        """Act on a deadline that had passed, unless what was sent before has moved it."""
        unit.is_overdue = False
        for at, event in unit.kind.deadlines(unit.state):
            if at <= now:
                self.step(unit, event)
                return
        self.arm(unit)

    def release_if_done(self, unit: ManagedUnit) -> None:
        """Let the supervisor of a unit go that has no process left and will have none before something happens."""
        tracking = unit.tracking
        if tracking is None:
            return
        # The user of DynamicUser=, and what belongs to RemoveIPC= (which it implies), last as long as the supervisor.
        lasts = unit.active_state not in INACTIVE_OR_FAILED and unit.own("RemoveIPC")
        if tracking.idle and unit.kind.is_resting(unit.state) and not (tracking.releasing or lasts):
            self._processes.release(unit.id)

    def processes_idle(self, unit_id: str) -> None:
        """The processes of a unit are all gone, or its supervisor is."""
        unit = self._core.registry.find(unit_id)
        if unit is None:
            return
        unit.tracking = self._processes.trackings.get(unit.id)
        if unit.tracking is None:
            self._core.registry.may_collect()
        else:
            self.release_if_done(unit)

    # --- actions ---

    def _changed(self, unit: ManagedUnit, action: events.Changed) -> None:
        raise AssertionError("announced by step()")

    def _spawn(self, unit: ManagedUnit, action: events.Spawn) -> None:
        if action.when_idle:
            waiting = _Once(lambda: self._spawn_now(unit, action))
            self._when_no_job_is_left(waiting)
            self._core.loop.call_at(now_monotonic() + IDLE_TIMEOUT_USEC, waiting)
            return
        self._spawn_now(unit, action)

    def _when_no_job_is_left(self, spawn: Callable[[], object]) -> None:
        if any(unit.job is not None or unit.nop_job is not None for unit in self._core.registry):
            self._idle_spawns.append(spawn)
        else:
            self._core.call_soon(spawn)

    def no_job_is_left(self, _jobs: object) -> None:
        """Spawn what has waited for it."""
        waiting, self._idle_spawns = self._idle_spawns, []
        for spawn in waiting:
            self._core.call_soon(spawn)

    def _spawn_now(self, unit: ManagedUnit, action: events.Spawn) -> None:
        if unit.kind.expects(unit.state, action.token):
            unit.asked_for[action.token] = action
            self._ask_for(unit, action)

    def spawn_again(self, unit: ManagedUnit, token: int) -> bool:
        """Ask for a process once more that never came to be, if it is wanted and this is the first time. A unit that is
        being killed wants none: who is to be signalled was said after its process had been asked for."""
        action = unit.asked_for.pop(token, None)
        if action is None or _purpose(unit) or not unit.kind.expects(unit.state, token):
            return False
        self._ask_for(unit, action)
        return True

    def _ask_for(self, unit: ManagedUnit, action: events.Spawn) -> None:
        processes = self._processes
        processes.invocations[unit.id] = unit.invocation_id
        try:
            log = self._core.log
            shown = highest_shown(log.shows, True)
            processes.settings[unit.id] = self._execution.supervisor_settings(unit, log.maximum, shown)
            known = (*self._occasion(unit, action.phase), *remote_variables(unit))
            action = replace(action, environment=(*action.environment, *known))
            offered = offered_to(unit, self._core.registry.find) if wants_descriptors(unit, action) else NOTHING
            spec = replace(
                spec_of(self._execution, unit, action, offered),
                leftovers=self._leftovers.to_remove(unit),
            )
            access = unit.kind.notify_access(unit.config)
            told = action.phase == "ExecStart" or access in ("exec", "all")
            processes.spawn(unit.id, action.token, spec, access != "none", told, offered.fds)
        except (OSError, MemoryError) as error:
            message = getattr(error, "strerror", None) or str(error) or "Cannot allocate memory"
            said = error.said if isinstance(error, NoDescriptor) else ""
            self._core.loop.call_soon(lambda: self._cannot_spawn(unit, action.token, message, said))
        unit.tracking = processes.trackings.get(unit.id)

    def _cannot_spawn(self, unit: ManagedUnit, token: int, message: str, said: str) -> None:
        if said:
            self._core.log_unit(unit.id, LOG_ERR, said)
        self.step(unit, events.SpawnFailed(token, message))

    def _occasion(self, unit: ManagedUnit, phase: str) -> tuple[str, ...]:
        """What a process may know of why its unit was started."""
        return (*unit.activation_details, *self._monitored(unit, phase))

    def _monitored(self, unit: ManagedUnit, phase: str) -> tuple[str, ...]:
        """What a unit started by OnFailure= or OnSuccess= may know of the one service that names it there."""
        if phase not in ("ExecStartPre", "ExecStart"):
            return ()
        names = {**unit.related("OnFailureOf"), **unit.related("OnSuccessOf")}
        ended = [other for other in map(self._core.registry.find, names) if other and _variables_of_end(other)]
        return _variables_of_end(ended[0]) if len(ended) == 1 else ()

    def _signal(self, unit: ManagedUnit, action: events.Signal) -> None:
        purpose = _purpose(unit)
        self._processes.signal(unit.id, action.pids, action.signal, action.cont, action.hup, purpose)

    def _signal_all(self, unit: ManagedUnit, action: events.SignalAll) -> None:
        purpose = _purpose(unit)
        self._processes.signal_all(unit.id, action.signal, action.spare, action.cont, action.hup, purpose)

    def _identify(self, unit: ManagedUnit, action: events.Identify) -> None:
        access = unit.kind.notify_access(unit.config)
        self._processes.identify(unit.id, action.main, action.control, access, action.foreign)

    def _guess_main(self, unit: ManagedUnit, _action: events.GuessMain) -> None:
        self._processes.guess_main(unit.id)

    def _pid_file_path(self, unit: ManagedUnit) -> str:
        return self._execution.below_root(unit.kind.pid_file(unit.config))

    def _watch_pid_file(self, unit: ManagedUnit, action: events.WatchPidFile) -> None:
        if unit.pid_file_watch is not None:
            if not action.on:
                unit.pid_file_watch.close()
                unit.pid_file_watch = None
        elif action.on:
            path = self._pid_file_path(unit)
            try:
                unit.pid_file_watch = pid_file.Watch(
                    self._core.loop,
                    path,
                    lambda: main_process.read_pid_file(self._processes, unit, path),
                    lambda read: self.step(unit, read),
                )
            except OSError as error:
                self._core.log_unit(unit.id, LOG_WARNING, f"Cannot watch PID file {path}: {error.strerror}")

    def _await_bus_name(self, unit: ManagedUnit, _action: AwaitBusName) -> None:
        self.bus_name_awaited.tell(unit)

    def _remove_pid_file(self, unit: ManagedUnit, _action: events.RemovePidFile) -> None:
        pid_file.remove(self._pid_file_path(unit))

    def _remove_directories(self, unit: ManagedUnit, action: events.RemoveDirectories) -> None:
        execution = self._execution
        paths, links = execution.credential_directories(unit), []
        if not action.preserve:
            paths += execution.runtime_directories(unit)
            links = execution.runtime_links(unit)
        if not self._processes.remove(unit.id, paths, links):
            self._core.log_unit(unit.id, LOG_WARNING, f"Cannot remove {', '.join(paths)}: no process can be made.")
            self._core.loop.call_soon(lambda: self.step(unit, events.Removed()))
        unit.tracking = self._processes.trackings.get(unit.id)

    def _stop_removing(self, unit: ManagedUnit, _action: events.StopRemoving) -> None:
        self._processes.stop_removing(unit.id)

    def _release_resources(self, unit: ManagedUnit, action: events.ReleaseResources) -> None:
        restarting = action.restarting or (unit.job is not None and unit.job.type in (START, RESTART))
        if unit.fd_store is not None and not restarting:
            unit.fd_store.clear()

    def _trigger(self, unit: ManagedUnit, action: events.Trigger) -> Event | None:
        asked = Asked(unit, action)
        self.triggered.tell(asked)
        return asked.answer

    def _make_directories(self, unit: ManagedUnit, action: events.MakeDirectories) -> None:
        for path in action.paths:
            try:
                tree_walk.make_directories(path, action.mode, self._execution.root)
            except OSError as error:
                self._core.log_unit("", LOG_WARNING, f"mkdir({path}) failed: {error.strerror}")

    def _make_mount_point(self, unit: ManagedUnit, action: MakeMountPoint) -> Event:
        return mount_point.make(
            action, self._execution.root, lambda level, text: self._core.log_unit(unit.id, level, text)
        )

    def _enqueue_restart(self, unit: ManagedUnit, _action: events.EnqueueRestart) -> None:
        self.restart_due.tell(unit)

    def _log(self, unit: ManagedUnit, action: events.Log) -> None:
        log = self._core.log_heard if self._hearing else self._core.log_unit
        about, news = unit.id if action.of_unit else "", _is_news(unit, action.level)
        log(about, action.level, action.message, news, action.fields)

    def _tell_processes(self, unit: ManagedUnit, action: events.TellProcesses) -> None:
        found = some_of(self._processes.trackings.get(unit.id)) if action.everyone else ()
        pids = dict.fromkeys((*action.pids, *found))
        log_each(self._core, unit.id, action.level, action.message, pids, _is_news(unit, action.level))


class _Once:
    """A callback that two occasions may call and only the first one does."""

    def __init__(self, callback: Callable[[], object]) -> None:
        self._callback: Callable[[], object] | None = callback

    def __call__(self) -> None:
        callback, self._callback = self._callback, None
        if callback is not None:
            callback()


def _is_under_way(unit: ManagedUnit, action: events.Action) -> bool:
    """Whether what a unit asked for before a re-execution is being done."""
    tracking = unit.tracking
    if tracking is None:
        return False
    if isinstance(action, events.Spawn):
        return action.token in tracking.tokens
    return isinstance(action, events.RemoveDirectories) and bool(tracking.removing)


def _as_other(unit: ManagedUnit) -> Other:
    job = unit.job.type if unit.job is not None else ""
    result = unit.kind.result(unit.state)
    return Other(unit.file.load_state, unit.active_state, unit.sub_state, result, job, unit.stamps, unit.limit_hit)


def _is_news(unit: ManagedUnit, level: int) -> bool:
    """A job's first and last line say it all, unless something goes wrong on the way."""
    return unit.job is None or level <= LOG_NOTICE


def _variables_of_end(unit: ManagedUnit) -> tuple[str, ...]:
    """The $MONITOR_… variables (systemd.exec(5)) that describe this unit to the one that its OnFailure= or OnSuccess=
    starts. None if it runs no commands."""
    end = unit.kind.monitored(unit.state)
    invocation = (f"MONITOR_INVOCATION_ID={unit.invocation_id}",) if unit.invocation_id else ()
    return (*end, *invocation, f"MONITOR_UNIT={unit.id}") if end else ()


def _purpose(unit: ManagedUnit) -> str:
    """What a machine sends a signal for."""
    return STOP if unit.kind.is_killing(unit.state) else ""
