"""The method Enqueue: what a request asks for, the jobs for it, and waiting for their end."""

from __future__ import annotations

from systemctl_replacement.jobs import operations
from systemctl_replacement.jobs.model import CANCELED, RESTART, STOP, TRY_RESTART, Job, JobError
from systemctl_replacement.manager import show
from systemctl_replacement.manager.manager import Manager
from systemctl_replacement.manager.mount_point import can_mount
from systemctl_replacement.manager.registry import PERPETUAL
from systemctl_replacement.manager.unit import ManagedUnit
from systemctl_replacement.units.states import INACTIVE_OR_FAILED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from typing import Any, Callable

    from systemctl_replacement.control.request import Request

INVALID_ARGS = "org.freedesktop.DBus.Error.InvalidArgs"
NOT_SUPPORTED = "org.freedesktop.DBus.Error.NotSupported"


class Enqueue:
    """One request: its jobs, and the wait for them."""

    def __init__(
        self, manager: Manager, load: Callable[[str], Generator[None, None, ManagedUnit]], request: Request
    ) -> None:
        self._manager = manager
        self._load = load
        self._request = request
        self._outcomes: list[dict[str, Any]] = []
        self._open = 1  # jobs that are waited for, and the enqueueing itself

    def run(self) -> Iterator[None]:
        """Enqueue everything, step by step. A caller that goes away meanwhile cancels nothing."""
        waits = self._request.parameters["wait"]
        for name in self._request.parameters["names"]:
            outcome = _outcome(name)
            self._outcomes.append(outcome)
            try:
                job = yield from self._enqueue(name, outcome)
            except JobError as error:
                outcome["error"] = {"dbus_name": error.name, "message": error.message}
                continue
            if waits:
                self._wait_for(job.id, outcome)  # at once, because it may end before the next one is enqueued
        if self._open > 1:
            self._request.reply_more(jobs=self._outcomes)
        self._request.resume_as = lambda: ("GoOnWaiting", {"outcomes": self._outcomes})
        self._done()

    def go_on(self) -> None:
        """Wait for the jobs that have not ended yet."""
        self._outcomes = self._request.parameters["outcomes"]
        self._request.resume_as = lambda: ("GoOnWaiting", {"outcomes": self._outcomes})
        for outcome in self._outcomes:
            if outcome["error"] is None and outcome["result"] is None:
                if outcome["id"] in self._manager.jobs.jobs:
                    self._wait_for(outcome["id"], outcome)
                else:
                    outcome["result"] = CANCELED  # the job could not be restored
        self._done()

    def _wait_for(self, job_id: int, outcome: dict[str, Any]) -> None:
        self._open += 1
        self._manager.jobs.when_finished(job_id, lambda job, how: self._ended(outcome, job, how))

    def _enqueue(self, name: str, outcome: dict[str, Any]) -> Generator[None, None, Job]:
        manager, parameters = self._manager, self._request.parameters
        unit = yield from self._load(name)
        outcome["unit"] = unit.id
        operation = parameters["operation"]
        if operation not in operations.OPERATIONS:
            raise JobError(INVALID_ARGS, f"Unknown operation {operation}.")
        job_type = operations.job_type(manager.jobs.view, unit.id, operation)
        if job_type in (STOP, RESTART, TRY_RESTART) and _is_fixed(unit, manager.execution.root):
            # Refuse before anything that needs it is stopped in vain.
            lacks = "unmounting needs CAP_SYS_ADMIN, which this container does not have"
            raise JobError(NOT_SUPPORTED, f"Unit {unit.id} cannot be stopped: {lacks}.")
        if job_type != STOP:
            manager.registry.unskip(manager.registry.heir(unit))  # requested by name, which is no boot
        outcome["need_reload"] = show.need_reload(unit)
        anchor, installed = manager.jobs.enqueue(unit.id, job_type, parameters["mode"])
        outcome["unit"], outcome["id"], outcome["job_type"] = anchor.unit, anchor.id, anchor.type
        if parameters.get("show_transaction"):
            outcome["affected"] = [
                {"id": job.id, "unit": job.unit, "job_type": job.type, "state": job.state}
                for job in installed
                if job.id != anchor.id
            ]
        return anchor

    def _ended(self, outcome: dict[str, Any], job: Job, result: str) -> None:
        unit = self._manager.registry.find(job.unit)
        outcome["result"] = result
        if unit is not None and unit.traits.tells_result:
            outcome["service_result"] = unit.kind.result(unit.state)
        self._done()

    def _done(self) -> None:
        self._open -= 1
        if not self._open:
            self._request.reply(jobs=self._outcomes)


def _is_fixed(unit: ManagedUnit, root: str) -> bool:
    """Whether a unit is up and only the engine could undo that, because it is a mount."""
    mounted = unit.traits.from_mountinfo and unit.id not in PERPETUAL and unit.active_state not in INACTIVE_OR_FAILED
    return mounted and not can_mount(root)


def _outcome(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "unit": name,
        "id": 0,
        "job_type": "",
        "error": None,
        "result": None,
        "service_result": None,
        "need_reload": None,
        "affected": None,
    }
