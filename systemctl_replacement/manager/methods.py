"""What clients may ask of the manager: the methods of io.systemctl-replacement.Manager.

Each handler takes a request and answers it, at once or later. Nothing here knows how it has come: a D-Bus facade can
use the same table.
"""

from __future__ import annotations

import os

from systemctl_replacement import log_levels, signals, syscalls
from systemctl_replacement.control.request import ANYBODY, NOBODY, OWNER, OWNER_TO_SET, Method
from systemctl_replacement.jobs import ordering
from systemctl_replacement.jobs.model import JobError
from systemctl_replacement.manager import show, show_manager
from systemctl_replacement.manager.each_process import log_each, some_of
from systemctl_replacement.manager.halt.halt import TARGETS
from systemctl_replacement.manager.jobs.enqueue import INVALID_ARGS, NOT_SUPPORTED, Enqueue
from systemctl_replacement.manager.jobs.wait_inactive import WaitInactive
from systemctl_replacement.manager.loading import load
from systemctl_replacement.manager.manager import Manager
from systemctl_replacement.manager.unit import ManagedUnit
from systemctl_replacement.process.descendants import with_reserve

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from typing import Any, Callable

    from systemctl_replacement.control.request import Caller, Request
    from systemctl_replacement.manager.logs.upkeep import Upkeep
    from systemctl_replacement.manager.reexec.reexecution import Reexecution
    from systemctl_replacement.manager.reload import DaemonReload

    Look = Generator[None, None, dict[str, Any]]

NO_SUCH_UNIT = "org.freedesktop.systemd1.NoSuchUnit"
NO_SUCH_PROCESS = "org.freedesktop.systemd1.NoSuchProcess"
NO_SUCH_JOB = "org.freedesktop.systemd1.NoSuchJob"
NO_UNIT_FOR_PID = "org.freedesktop.systemd1.NoUnitForPID"
FAILED = "org.freedesktop.DBus.Error.Failed"

# So many patterns are matched at once.
_PATTERNS_PER_STEP = 32
_FIRST_SIGNAL, _LAST_SIGNAL = 1, 64


class Methods:
    """The handlers, bound to a manager."""

    def __init__(self, manager: Manager, reload: DaemonReload, reexecution: Reexecution, upkeep: Upkeep) -> None:
        self._manager = manager
        self._reload = reload
        self._reexecution = reexecution
        self._upkeep = upkeep

    def table(self) -> dict[str, Method]:
        """By name; who may call each."""
        return {
            "States": Method(self.states, ANYBODY),
            "Units": Method(self.units, ANYBODY),
            "Show": Method(self.show, ANYBODY),
            "Processes": Method(self.processes, ANYBODY),
            "UnitByPID": Method(self.unit_by_pid, ANYBODY),
            "Jobs": Method(self.jobs, ANYBODY),
            "GetEnvironment": Method(self.get_environment, ANYBODY),
            "SystemState": Method(self.system_state, ANYBODY),
            "WaitInactive": Method(self.wait_inactive, ANYBODY),
            "Log": Method(self.log, OWNER_TO_SET),
            "Enqueue": Method(self.enqueue, OWNER),
            "GoOnWaiting": Method(self.go_on_waiting, NOBODY),
            "CancelJobs": Method(self.cancel_jobs, OWNER),
            "Kill": Method(self.kill, OWNER),
            "ResetFailed": Method(self.reset_failed, OWNER),
            "SetEnvironment": Method(self.set_environment, OWNER),
            "UnsetEnvironment": Method(self.unset_environment, OWNER),
            "Reload": Method(self.reload, OWNER),
            "Reexecute": Method(self.reexecute, OWNER, ends_connection=True),
            "Halt": Method(self.halt, OWNER),
            "Synchronize": Method(self._upkeep.synchronize, OWNER),
            "Rotate": Method(self._upkeep.rotate, OWNER),
            "FlushToVar": Method(self._upkeep.flush, OWNER),
            "RelinquishVar": Method(self._upkeep.relinquish, OWNER),
        }

    # --- looking ---

    def _load(self, name: str, caller: Caller | None = None) -> Generator[None, None, ManagedUnit]:
        """The unit with a name, loaded step by step. JobError in systemd's words if it is no unit's name.

        caller: whose question it is loaded for. Nothing is logged about what strangers' questions load."""
        quiet = caller is not None and _is_stranger(caller)
        return (yield from load(self._manager.registry, self._reload, name, quiet))

    def _answer(self, request: Request, work: Iterator[None]) -> None:
        """Answer a request piece by piece; JobError ends it with that error."""

        def guarded() -> Iterator[None]:
            try:
                yield from work
            except JobError as error:
                request.fail(error.name, error.message)

        request.work(guarded())

    def _each(
        self, request: Request, name: str, names: list[str], look: Callable[[str, Caller], Look]
    ) -> Iterator[None]:
        """Look at every name, and reply with the list of answers."""
        found = []
        for one in names:
            found.append(request.prepare((yield from look(one, request.caller))))
            yield
        request.reply_list(name, found)

    def _state_of(self, name: str, caller: Caller) -> Look:
        try:
            unit: ManagedUnit | None = yield from self._load(name, caller)
        except JobError:
            unit = None
        return {
            "name": name,
            "id": unit.id if unit is not None else name,
            "load_state": unit.file.load_state if unit is not None else "not-found",
            "active_state": unit.active_state if unit is not None else "inactive",
            "sub_state": unit.sub_state if unit is not None else "dead",
        }

    def states(self, request: Request) -> None:
        self._answer(request, self._each(request, "states", request.parameters["names"], self._state_of))

    def units(self, request: Request) -> None:
        self._answer(request, self._units(request))

    def _units(self, request: Request) -> Iterator[None]:
        registry, patterns = self._manager.registry, request.parameters["patterns"]
        registry.collect()
        quiet = _is_stranger(request.caller)
        for name in (*registry.mounts(), *self._reload.described):
            yield from registry.loading(name, quiet)
        found = []
        for unit in registry:
            wanted = not patterns or (yield from _matches(unit.id, patterns))
            if wanted and registry.find(unit.id) is unit:  # it may have been forgotten meanwhile
                found.append(request.prepare(self._listed(unit)))
            yield
        request.reply_list("units", found)

    def _listed(self, unit: ManagedUnit) -> dict[str, Any]:
        return {
            "id": unit.id,
            "names": self._manager.registry.names(unit),
            "description": unit.description,
            "load_state": unit.file.load_state,
            "active_state": unit.active_state,
            "sub_state": unit.sub_state,
            "following": "",
            "job_id": unit.job.id if unit.job is not None else 0,
            "job_type": unit.job.type if unit.job is not None else "",
        }

    def show(self, request: Request) -> None:
        manager, wanted = self._manager, request.parameters["properties"]
        names, with_kinds = request.parameters["names"], request.parameters["kinds"]
        only = None if wanted is None else frozenset(wanted)
        if not names:
            found = with_reserve(lambda name: show.answer(name, show_manager.of_manager(manager), only, with_kinds), "")
            request.reply(units=[{"name": "", "id": "", **found}])
            return

        def look(name: str, caller: Caller) -> Look:
            unit = yield from self._load(name, caller)
            # The first one imports tables, even when no descriptor is left.
            found = with_reserve(
                lambda kind: show.answer(kind, show.of_unit(manager, unit), only, with_kinds), unit.type
            )
            return {"name": name, "id": unit.id, **found}

        self._answer(request, self._each(request, "units", names, look))

    def processes(self, request: Request) -> None:
        self._answer(request, self._processes(request))

    def _processes(self, request: Request) -> Iterator[None]:
        unit = yield from self._load(request.parameters["name"], request.caller)
        pids = yield from self._manager.processes.reaper.looking_for_pids(unit.id)
        tracking = unit.tracking
        request.reply(
            supervisor=tracking.supervisor if tracking is not None else 0,
            main=unit.roles.main,
            control=unit.roles.control,
            degraded=tracking.degraded if tracking is not None else False,
            pids=pids,
        )

    def unit_by_pid(self, request: Request) -> None:
        self._answer(request, self._unit_by_pid(request))

    def _unit_by_pid(self, request: Request) -> Iterator[None]:
        pid = request.parameters["pid"]
        owner = "init.scope" if pid == 1 else (yield from self._manager.processes.reaper.looking_for_owner(pid))
        if owner is None:
            request.fail(NO_UNIT_FOR_PID, f"PID {pid} does not belong to any loaded unit.")
        else:
            request.reply(name=owner)

    def jobs(self, request: Request) -> None:
        self._answer(request, self._jobs(request))

    def _jobs(self, request: Request) -> Iterator[None]:
        table = self._manager.jobs
        found: list[dict[str, Any]] = []
        after: dict[int, list[int]] = {}
        for job in list(table.jobs.values()):
            if job.id in table.jobs:  # it may have ended meanwhile
                found.append({"id": job.id, "unit": job.unit, "job_type": job.type, "state": job.state})
                blockers = (table.view.job(unit) for unit in ordering.blockers(table.view, job))
                after[job.id] = [other.id for other in blockers if other is not None]
            yield
        before: dict[int, list[int]] = {job_id: [] for job_id in after}
        for job_id, others in after.items():
            for other_id in others:
                before.setdefault(other_id, []).append(job_id)
            yield
        request.reply(jobs=[{**entry, "after": after[entry["id"]], "before": before[entry["id"]]} for entry in found])

    def get_environment(self, request: Request) -> None:
        request.reply(environment=[f"{k}={v}" for k, v in self._manager.execution.environment.items()])

    def system_state(self, request: Request) -> None:
        """With `wait` once the boot has ended, which a halt does, too."""
        manager = self._manager
        ends = (manager.boot.ended, manager.halt.begun)
        if not request.parameters.get("wait") or manager.boot.done or manager.halt.under_way:
            request.reply(state=manager.system_state())
            return

        def forget() -> None:
            for end in ends:
                end.remove(answer)

        def answer(_news: object) -> None:
            forget()
            request.on_cancel = None
            request.reply(state=manager.system_state())

        request.on_cancel = forget
        for end in ends:
            end.add(answer)

    # --- jobs ---

    def enqueue(self, request: Request) -> None:
        """Queue a job for each name; with `wait`, answer again when all have ended."""
        if not set(TARGETS.values()).isdisjoint(request.parameters["names"]):
            self._manager.halt.asked_by(request.caller.pid)
        self._answer(request, Enqueue(self._manager, self._load, request).run())

    def go_on_waiting(self, request: Request) -> None:
        """The second half of Enqueue, after a re-execution. No client can call it: the interface does not have it."""
        Enqueue(self._manager, self._load, request).go_on()

    def cancel_jobs(self, request: Request) -> None:
        table = self._manager.jobs
        ids = request.parameters["ids"] or list(table.jobs)
        for job_id in ids:
            if not table.cancel(job_id) and request.parameters["ids"]:
                request.fail(NO_SUCH_JOB, f"Job {job_id} does not exist.")
                return
        request.reply()

    def wait_inactive(self, request: Request) -> None:
        names = request.parameters["names"]
        answer = self._each(request, "states", names, self._state_of)
        WaitInactive(self._manager.registry, self._manager.driver.unit_changed, request, names, answer).begin()

    # --- changing ---

    def _loaded(self, name: str) -> ManagedUnit | None:
        """The unit if it is in memory and would not be forgotten, as by systemd."""
        self._manager.registry.collect()
        return self._manager.registry.find(name)

    def kill(self, request: Request) -> None:
        name, whom, signal = (request.parameters[key] for key in ("name", "whom", "signal"))
        manager = self._manager
        unit = self._loaded(name)
        if unit is None:
            request.fail(NO_SUCH_UNIT, f"Unit {name} not loaded.")
            return
        if not _FIRST_SIGNAL <= signal <= _LAST_SIGNAL:
            request.fail(INVALID_ARGS, "Signal number out of range.")
            return
        strict = whom.endswith("-fail")
        whom = whom[: -len("-fail")] if strict else whom
        if whom not in ("main", "control", "all"):
            request.fail(INVALID_ARGS, f"Invalid who argument {whom}")
            return
        if not unit.traits.killable:
            request.fail(NOT_SUPPORTED, "Operation not supported")
            return
        if whom == "all":
            populated = [one for one in self._within(unit) if one.tracking is not None]
            for one in populated:
                self._tell_signal(one, signal, whom, unit)
                manager.processes.signal_all(one.id, signal, (), False, False)
            if strict and not populated:
                request.fail(NO_SUCH_PROCESS, "No matching processes to kill")
                return
        else:
            if not (unit.traits.has_main_process if whom == "main" else unit.traits.runs_processes):
                request.fail(NO_SUCH_PROCESS, f"{unit.type} units have no {whom} processes")
                return
            pid = unit.roles.main if whom == "main" else unit.roles.control
            if not pid:
                request.fail(NO_SUCH_PROCESS, f"No {whom} process to kill")
                return
            self._tell_signal(unit, signal, whom, unit)
            manager.processes.signal(unit.id, (pid,), signal, False, False)
        request.reply()

    def _within(self, unit: ManagedUnit) -> list[ManagedUnit]:
        """The unit, and those that are in it because it is a slice."""
        found = [unit]
        for one in found:
            if one.traits.holds_members:
                found += [self._manager.registry[member] for member in one.related("SliceOf")]
        return found

    def _tell_signal(self, unit: ManagedUnit, signal: int, whom: str, asked: ManagedUnit) -> None:
        """Log which processes a client has signalled: `whom` is main, control or all. asked: it itself, or the slice
        that it is in."""
        core, name = self._manager.core, signals.name(signal)
        roles = {"control": unit.roles.control, "main": unit.roles.main} if asked is unit else {}
        named = {role: pid for role, pid in roles.items() if pid and whom in (role, "all")}
        for role, pid in named.items():
            text = f"Sent signal SIG{name} to {role} process {{}} on client request."
            log_each(core, asked.id, log_levels.LOG_INFO, text, [pid])
        if whom == "all":
            others = [pid for pid in some_of(unit.tracking) if pid not in named.values()]
            text = f"Sending signal SIG{name} to process {{}} on client request."
            log_each(core, asked.id, log_levels.LOG_INFO, text, others)

    def reset_failed(self, request: Request) -> None:
        manager = self._manager
        names = request.parameters["names"]
        for name in names:
            unit = self._loaded(name)
            if unit is None:
                request.fail(NO_SUCH_UNIT, f"Unit {name} not loaded.")
                return
            manager.reset_failed(unit)
        if not names:
            for unit in manager.registry:
                manager.reset_failed(unit)
        request.reply()

    def reload(self, request: Request) -> None:
        self._reload.begin(request.reply)

    def reexecute(self, request: Request) -> None:
        # No reply: the end of the connection is the answer, as under systemd.
        self._manager.loop.call_soon(lambda: self._reexecution.begin(lambda problem: request.fail(FAILED, problem)))

    def set_environment(self, request: Request) -> None:
        assignments = request.parameters["assignments"]
        for assignment in assignments:
            name, equals, value = assignment.partition("=")
            if not equals or not _valid_variable(name) or not _valid_value(value):
                request.fail(INVALID_ARGS, "Invalid environment assignments")
                return
        for assignment in assignments:
            name, _, value = assignment.partition("=")
            self._manager.execution.environment[name] = value
        request.reply()

    def unset_environment(self, request: Request) -> None:
        environment = self._manager.execution.environment
        parts = [name.partition("=") for name in request.parameters["names"]]
        if not all(_valid_variable(name) and _valid_value(value) for name, _, value in parts):
            request.fail(INVALID_ARGS, "Invalid environment variable names or assignments")
            return
        for name in request.parameters["names"]:
            key, equals, value = name.partition("=")
            if key in environment and (not equals or environment[key] == value):
                del environment[key]
        request.reply()

    def halt(self, request: Request) -> None:
        verb, status, force = (
            request.parameters["verb"],
            request.parameters["exit_status"],
            request.parameters["force"] or 0,
        )
        halt = self._manager.halt
        if verb not in TARGETS:
            request.fail(INVALID_ARGS, f"Unknown way to halt '{verb}'.")
            return
        halt.asked_by(request.caller.pid)
        request.reply()
        if force and force >= 2 and verb != "exit":
            self._manager.loop.call_soon(lambda: halt.immediate(verb, status))
        elif force:
            self._manager.loop.call_soon(lambda: halt.force(verb, status))
        else:
            self._manager.loop.call_soon(lambda: halt.request(verb, "", status))

    def log(self, request: Request) -> None:
        log, level = self._manager.log, request.parameters["level"]
        if level is not None:
            if level.isascii() and level.isdigit() and int(level) < len(log_levels.NAMES):
                level = log_levels.NAMES[int(level)]
            elif level not in log_levels.NAMES:
                request.fail(INVALID_ARGS, f"Invalid log level '{level}'")
                return
            log.manager(log_levels.LOG_INFO, f"Setting log level to {level}.", news=False)
            log.maximum = log_levels.NAMES.index(level)
        request.reply(level=log_levels.NAMES[log.maximum], target="journal")


def _is_stranger(caller: Caller) -> bool:
    return caller.uid not in (0, os.geteuid())


def _matches(name: str, patterns: list[str]) -> Generator[None, None, bool]:
    """Whether a name matches one of the patterns, a few of them at each step."""
    for start in range(0, len(patterns), _PATTERNS_PER_STEP):
        if any(syscalls.matches(name, pattern) for pattern in patterns[start : start + _PATTERNS_PER_STEP]):
            return True
        yield
    return False


def _valid_variable(name: str) -> bool:
    return bool(name) and not name[0].isdigit() and all(c.isascii() and (c.isalnum() or c == "_") for c in name)


def _valid_value(value: str) -> bool:
    """Whether a value can be given to a process: with any other value no service could be started any more."""
    return "\0" not in value and not any("\ud800" <= character <= "\udfff" for character in value)
