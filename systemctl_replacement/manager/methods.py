"""What clients may ask of the manager: the methods of io.systemctl-replacement.Manager.

Each takes a Call and answers it, at once or later. Nothing here knows of sockets: a D-Bus facade can use
the same calls.
"""

from __future__ import annotations

from systemctl_replacement import log_levels, syscalls, wire
from systemctl_replacement.control.connection import Call
from systemctl_replacement.jobs import ordering
from systemctl_replacement.jobs.model import JobError
from systemctl_replacement.manager import show, show_manager
from systemctl_replacement.manager.halt import TARGETS
from systemctl_replacement.manager.jobs.requests import INVALID_ARGS, NOT_SUPPORTED, Request
from systemctl_replacement.manager.jobs.wait_inactive import WaitInactive
from systemctl_replacement.manager.manager import Manager
from systemctl_replacement.manager.unit import ManagedUnit
from systemctl_replacement.unitfile import names as unit_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from typing import Any, Callable

    Look = Generator[None, None, dict[str, Any]]

NO_SUCH_UNIT = "org.freedesktop.systemd1.NoSuchUnit"
NO_SUCH_PROCESS = "org.freedesktop.systemd1.NoSuchProcess"
NO_SUCH_JOB = "org.freedesktop.systemd1.NoSuchJob"
NO_UNIT_FOR_PID = "org.freedesktop.systemd1.NoUnitForPID"
FAILED = "org.freedesktop.DBus.Error.Failed"

_WITHOUT_PROCESSES = ("target", "device", "automount", "timer", "path")
# So many patterns are matched at once.
_PATTERNS_PER_STEP = 32
_FIRST_SIGNAL, _LAST_SIGNAL = 1, 64


class Calls:
    """The methods, bound to a manager."""

    def __init__(
        self,
        manager: Manager,
        refresh: Callable[[], None],
        reload: Callable[[Callable[[], object]], None],
        reexecute: Callable[[Callable[[str], object]], None],
    ) -> None:
        self._manager = manager
        self._refresh = refresh
        self._reload = reload
        self._reexecute = reexecute

    def table(self) -> dict[str, Callable[[Call], object]]:
        """Method name to function, for the control server."""
        return {
            "States": self.states,
            "Units": self.units,
            "Show": self.show,
            "Enqueue": self.enqueue,
            "GoOnWaiting": self.go_on_waiting,
            "WaitInactive": self.wait_inactive,
            "Processes": self.processes,
            "UnitByPID": self.unit_by_pid,
            "Kill": self.kill,
            "ResetFailed": self.reset_failed,
            "Reload": self.reload,
            "Reexecute": self.reexecute,
            "Jobs": self.jobs,
            "CancelJobs": self.cancel_jobs,
            "GetEnvironment": self.get_environment,
            "SetEnvironment": self.set_environment,
            "UnsetEnvironment": self.unset_environment,
            "SystemState": self.system_state,
            "Halt": self.halt,
            "Log": self.log,
        }

    # --- looking ---

    def _load(self, name: str) -> Generator[None, None, ManagedUnit]:
        """The unit for a name, loaded a little at each step; JobError in systemd's words if it cannot be a unit's."""
        if not unit_names.valid_unit_name(name):
            raise JobError(INVALID_ARGS, f"Unit name {name} is not valid.")
        if unit_names.is_template(name):
            raise JobError(INVALID_ARGS, f"Unit name {name} is missing the instance name.")
        self._refresh()
        self._manager.registry.collect()
        yield from self._manager.registry.loading(name)
        return self._manager.registry.get(name)

    def _answer(self, call: Call, work: Iterator[None]) -> None:
        """Answer a call piece by piece; JobError ends it with that error."""

        def guarded() -> Iterator[None]:
            try:
                yield from work
            except JobError as error:
                call.fail(error.name, error.message)

        call.work(guarded())

    def _each(self, call: Call, name: str, names: list[str], look: Callable[[str], Look]) -> Iterator[None]:
        """Look at everything that is named, and reply with the list of what was found."""
        found = []
        for one in names:
            found.append(wire.dumps((yield from look(one))))
            yield
        call.reply_list(name, found)

    def _state_of(self, name: str) -> Look:
        try:
            unit: ManagedUnit | None = yield from self._load(name)
        except JobError:
            unit = None
        return {
            "name": name,
            "id": unit.id if unit is not None else name,
            "load_state": unit.file.load_state if unit is not None else "not-found",
            "active_state": unit.active_state if unit is not None else "inactive",
            "sub_state": unit.sub_state if unit is not None else "dead",
        }

    def states(self, call: Call) -> None:
        self._answer(call, self._each(call, "states", call.parameters["names"], self._state_of))

    def units(self, call: Call) -> None:
        self._answer(call, self._units(call))

    def _units(self, call: Call) -> Iterator[None]:
        registry, patterns = self._manager.registry, call.parameters["patterns"]
        registry.collect()
        found = []
        for unit in registry:
            wanted = not patterns or (yield from _matches(unit.id, patterns))
            if wanted and registry.find(unit.id) is unit:  # it may have been forgotten meanwhile
                found.append(wire.dumps(self._listed(unit)))
            yield
        call.reply_list("units", found)

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

    def show(self, call: Call) -> None:
        manager, wanted = self._manager, call.parameters["properties"]
        names = call.parameters["names"]
        if not names:
            call.reply(units=[{"name": "", "id": "", "properties": show_manager.of_manager(manager)}])
            return
        only = None if wanted is None else frozenset(wanted)

        def look(name: str) -> Look:
            unit = yield from self._load(name)
            properties = show.of_unit(manager, unit)
            if only is not None:
                properties = {key: value for key, value in properties.items() if key in only}
            return {"name": name, "id": unit.id, "properties": show.writable(properties)}

        self._answer(call, self._each(call, "units", names, look))

    def processes(self, call: Call) -> None:
        self._answer(call, self._processes(call))

    def _processes(self, call: Call) -> Iterator[None]:
        unit = yield from self._load(call.parameters["name"])
        pids = yield from self._manager.processes.reaper.looking_for_pids(unit.id)
        tracking = unit.tracking
        control = unit.service.control if unit.type == "service" else None
        call.reply(
            supervisor=tracking.supervisor if tracking is not None else 0,
            main=unit.service.main_pid if unit.type == "service" else 0,
            control=control.pid if control is not None else 0,
            degraded=tracking.degraded if tracking is not None else False,
            pids=pids,
        )

    def unit_by_pid(self, call: Call) -> None:
        self._answer(call, self._unit_by_pid(call))

    def _unit_by_pid(self, call: Call) -> Iterator[None]:
        pid = call.parameters["pid"]
        owner = "init.scope" if pid == 1 else (yield from self._manager.processes.reaper.looking_for_owner(pid))
        if owner is None:
            call.fail(NO_UNIT_FOR_PID, f"PID {pid} does not belong to any loaded unit.")
        else:
            call.reply(name=owner)

    def jobs(self, call: Call) -> None:
        self._answer(call, self._jobs(call))

    def _jobs(self, call: Call) -> Iterator[None]:
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
        call.reply(jobs=[{**entry, "after": after[entry["id"]], "before": before[entry["id"]]} for entry in found])

    def get_environment(self, call: Call) -> None:
        call.reply(environment=[f"{k}={v}" for k, v in self._manager.execution.environment.items()])

    def system_state(self, call: Call) -> None:
        manager = self._manager
        if call.parameters.get("wait") and not manager.booted:
            manager.boot_waiters.append(call)
            call.on_cancel = lambda: manager.boot_waiters.remove(call)
            return
        call.reply(state=manager.system_state())

    # --- jobs ---

    def enqueue(self, call: Call) -> None:
        """Queue a job for each name; with `wait`, answer again when all have ended."""
        self._answer(call, Request(self._manager, self._load, call).run())

    def go_on_waiting(self, call: Call) -> None:
        """The second half of Enqueue, after a re-execution. No client can call it: the interface does not have it."""
        Request(self._manager, self._load, call).go_on()

    def cancel_jobs(self, call: Call) -> None:
        table = self._manager.jobs
        ids = call.parameters["ids"] or list(table.jobs)
        for job_id in ids:
            if not table.cancel(job_id) and call.parameters["ids"]:
                call.fail(NO_SUCH_JOB, f"Job {job_id} does not exist.")
                return
        call.reply()

    def wait_inactive(self, call: Call) -> None:
        names = call.parameters["names"]
        answer = self._each(call, "states", names, self._state_of)
        WaitInactive(self._manager.registry, self._manager.calls_waiting_inactive, call, names, answer).begin()

    # --- changing ---

    def _loaded(self, name: str) -> ManagedUnit | None:
        """The unit if it is in memory and somebody needs it there: what systemd has not forgotten."""
        self._manager.registry.collect()
        return self._manager.registry.find(name)

    def kill(self, call: Call) -> None:
        name, whom, signal = (call.parameters[key] for key in ("name", "whom", "signal"))
        manager = self._manager
        unit = self._loaded(name)
        if unit is None:
            call.fail(NO_SUCH_UNIT, f"Unit {name} not loaded.")
            return
        if not _FIRST_SIGNAL <= signal <= _LAST_SIGNAL:
            call.fail(INVALID_ARGS, "Signal number out of range.")
            return
        strict = whom.endswith("-fail")
        whom = whom[: -len("-fail")] if strict else whom
        if whom not in ("main", "control", "all"):
            call.fail(INVALID_ARGS, f"Invalid who argument {whom}")
            return
        if unit.type in _WITHOUT_PROCESSES:
            call.fail(NOT_SUPPORTED, "Operation not supported")
            return
        state = unit.service if unit.type == "service" else None
        main = state.main_pid if state is not None else 0
        control = state.control.pid if state is not None and state.control is not None else 0
        if whom == "all":
            if unit.tracking is not None:
                manager.processes.signal_all(unit.id, signal, (), False, False)
            elif strict:
                call.fail(NO_SUCH_PROCESS, "No matching processes to kill")
                return
        else:
            pid = main if whom == "main" else control
            if not pid:
                call.fail(NO_SUCH_PROCESS, f"No {whom} process to kill")
                return
            manager.processes.signal(unit.id, (pid,), signal, False, False)
        call.reply()

    def reset_failed(self, call: Call) -> None:
        manager = self._manager
        names = call.parameters["names"]
        for name in names:
            unit = self._loaded(name)
            if unit is None:
                call.fail(NO_SUCH_UNIT, f"Unit {name} not loaded.")
                return
            manager.reset_failed(unit)
        if not names:
            for unit in manager.registry:
                manager.reset_failed(unit)
        call.reply()

    def reload(self, call: Call) -> None:
        self._reload(call.reply)

    def reexecute(self, call: Call) -> None:
        # No reply: the end of the connection is the answer, as under systemd.
        self._manager.call_soon(lambda: self._reexecute(lambda problem: call.fail(FAILED, problem)))

    def set_environment(self, call: Call) -> None:
        assignments = call.parameters["assignments"]
        for assignment in assignments:
            name, equals, value = assignment.partition("=")
            if not equals or not _valid_variable(name) or not _valid_value(value):
                call.fail(INVALID_ARGS, "Invalid environment assignments")
                return
        for assignment in assignments:
            name, _, value = assignment.partition("=")
            self._manager.execution.environment[name] = value
        call.reply()

    def unset_environment(self, call: Call) -> None:
        environment = self._manager.execution.environment
        parts = [name.partition("=") for name in call.parameters["names"]]
        if not all(_valid_variable(name) and _valid_value(value) for name, _, value in parts):
            call.fail(INVALID_ARGS, "Invalid environment variable names or assignments")
            return
        for name in call.parameters["names"]:
            key, equals, value = name.partition("=")
            if key in environment and (not equals or environment[key] == value):
                del environment[key]
        call.reply()

    def halt(self, call: Call) -> None:
        verb, status, force = call.parameters["verb"], call.parameters["exit_status"], call.parameters["force"] or 0
        halt = self._manager.halt
        if verb not in TARGETS:
            call.fail(INVALID_ARGS, f"Unknown way to halt '{verb}'.")
            return
        call.reply()
        if force >= 2 and verb != "exit":
            self._manager.call_soon(lambda: halt.immediate(verb, status))
        elif force:
            self._manager.call_soon(lambda: halt.force(verb, status))
        else:
            self._manager.call_soon(lambda: halt.request(verb, "", status))

    def log(self, call: Call) -> None:
        log, level = self._manager.log, call.parameters["level"]
        if level is not None:
            if level.isascii() and level.isdigit() and int(level) < len(log_levels.NAMES):
                log.maximum = int(level)
            elif level in log_levels.NAMES:
                log.maximum = log_levels.NAMES.index(level)
            else:
                call.fail(INVALID_ARGS, f"Invalid log level '{level}'")
                return
        call.reply(level=log_levels.NAMES[log.maximum], target="journal")


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
    """Whether a value is text that a process can be given: with another one no service could be started any more."""
    return "\0" not in value and not any("\ud800" <= character <= "\udfff" for character in value)
