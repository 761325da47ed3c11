"""daemon-reexec: the manager writes all it knows to a memfd, executes itself, and goes on where it was.

What the state names by number (links, pipes, sockets) stays open over the exec; everything else is close-on-exec.
"""

from __future__ import annotations

import _socket
import os

from systemctl_replacement import wire
from systemctl_replacement.manager.codec import decode, encode
from systemctl_replacement.manager.console import Console
from systemctl_replacement.manager.manager import Manager
from systemctl_replacement.manager.tracking import Tracking
from systemctl_replacement.manager.unit import ManagedUnit
from systemctl_replacement.process.client import ForkServer
from systemctl_replacement.process.link import Link

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_UNIT_FIELDS = (
    "state", "stamps", "condition_result", "assert_result", "condition_results", "assert_results", "invocation_id",
    "starts", "skipped",
)  # fmt: skip
_TRACKING_FIELDS = (
    "supervisor", "ready", "log_read", "log_write", "notify_path", "degraded", "early", "removing", "populated",
    "main", "control", "releasing", "settings",
)  # fmt: skip
_HALT_FIELDS = ("requested", "exit_status", "action_status", "forced")


# --- before the exec ----------------------------------------------------------------------------------------------


def has_unsent(manager: Manager) -> bool:
    """Whether messages wait to be sent: a queue cannot be taken along."""
    processes = manager.processes
    links: list[Link | None] = [tracking.link for tracking in processes.trackings.values()]
    links.append(processes.forkserver.link)
    if processes.console is not None:
        links.append(processes.console.link)
    return any(link is not None and link.wants_write for link in links)


def snapshot(manager: Manager, listener: int, boot: dict[str, Any]) -> dict[str, Any]:
    """Everything the manager knows, as plain data. boot: what belongs to the boot (ids, options, start times)."""
    processes = manager.processes
    console = processes.console
    return {
        "boot": boot,
        "booted": manager.booted,
        "log_level": manager.log.maximum,
        "environment": manager.execution.environment,
        "listener": listener,
        "forkserver": {"pid": processes.forkserver.pid, "fd": processes.forkserver.fileno()},
        "console": None if console is None else _console(console),
        "units": [_unit(unit) for unit in manager.registry],
        "jobs": encode(list(manager.jobs.jobs.values())),
        "next_id": manager.jobs.next_id,
        "trackings": [_tracking(tracking) for tracking in processes.trackings.values()],
        "halt": {name: getattr(manager.halt, name) for name in _HALT_FIELDS},
    }


def _console(console: Console) -> dict[str, Any]:
    fd = console.link.fileno() if console.link is not None else -1
    return {"pid": console.pid, "fd": fd, "stdout": console.stdout, "json": console.as_json}


def _unit(unit: ManagedUnit) -> dict[str, Any]:
    store = unit.fd_store.entries if unit.fd_store is not None else []
    return {"id": unit.id, "fd_store": encode(store), **{name: encode(getattr(unit, name)) for name in _UNIT_FIELDS}}


def _tracking(tracking: Tracking) -> dict[str, Any]:
    return {
        "unit": tracking.unit,
        "link": tracking.link.fileno() if tracking.link is not None else -1,
        "notify": tracking.notify.fileno() if tracking.notify is not None else -1,
        "children": encode(tracking.children),
        "lost": encode(list(tracking.lost.items())),
        "tokens": sorted(tracking.tokens),
        **{name: encode(getattr(tracking, name)) for name in _TRACKING_FIELDS},
    }


def descriptors(state: dict[str, Any]) -> list[int]:
    """The descriptors that a snapshot names."""
    found = [state["listener"], state["forkserver"]["fd"]]
    if state["console"] is not None:
        found += [state["console"]["fd"], state["console"]["stdout"]]
    for tracking in state["trackings"]:
        found += [tracking[name] for name in ("link", "notify", "log_read", "log_write")]
    for unit in state["units"]:
        found += [entry["fd"] for entry in unit["fd_store"]]
    return [fd for fd in found if fd >= 0]


def execute(state: dict[str, Any], command: list[str]) -> None:
    """Execute the manager again with its state in a memfd. OSError if that is impossible: then nothing has changed."""
    memfd = os.memfd_create("systemctl-replacement-state")
    kept = [*descriptors(state), memfd]
    try:
        data = memoryview(wire.dumps(state))
        while data:
            data = data[os.write(memfd, data) :]
        os.lseek(memfd, 0, os.SEEK_SET)
        for fd in kept:
            os.set_inheritable(fd, True)
        os.execv(command[0], [*command, f"--deserialize={memfd}"])
    except OSError:
        for fd in kept:
            os.set_inheritable(fd, False)
        os.close(memfd)
        raise


# --- after the exec -----------------------------------------------------------------------------------------------


def read(fd: int) -> dict[str, Any]:
    """The snapshot in a memfd, its descriptors close-on-exec again. ValueError if it is none."""
    with os.fdopen(fd, "rb") as file:
        state = wire.loads(file.read())
    if not isinstance(state, dict):
        raise ValueError("not a manager's state")
    for kept in descriptors(state):
        os.set_inheritable(kept, False)
    return state


def forkserver_of(state: dict[str, Any]) -> ForkServer:
    return ForkServer(state["forkserver"]["pid"], Link(state["forkserver"]["fd"]))


def restore(manager: Manager, state: dict[str, Any]) -> None:
    """Give units, jobs and processes back to a manager that has its parts."""
    manager.booted = state["booted"]
    manager.log.maximum = state["log_level"]
    manager.execution.environment = dict(state["environment"])
    for saved in state["units"]:
        unit = manager.registry.get(saved["id"])
        for name in _UNIT_FIELDS:
            setattr(unit, name, decode(saved[name]))
        unit.starts = list(unit.starts)
        for entry in decode(saved["fd_store"]):
            manager.store_of(unit).restore(entry)
    for saved in state["trackings"]:
        tracking = _restored(saved)
        manager.processes.adopt(tracking)
        unit = manager.registry.get(tracking.unit)
        unit.tracking = tracking
        manager.processes.invocations[unit.id] = unit.invocation_id
        manager.processes.settings[unit.id] = tracking.settings
    manager.jobs.restore(list(decode(state["jobs"])), state["next_id"])
    for name in _HALT_FIELDS:
        setattr(manager.halt, name, state["halt"][name])
    if manager.halt.requested:
        manager.halt.go_on()
    for unit in manager.registry:
        if unit.type == "service":
            manager.driver.resume(unit)


def _restored(saved: dict[str, Any]) -> Tracking:
    tracking = Tracking(saved["unit"])
    for name in _TRACKING_FIELDS:
        setattr(tracking, name, saved[name])
    tracking.link = Link(saved["link"]) if saved["link"] >= 0 else None
    if saved["notify"] >= 0:
        tracking.notify = _socket.socket(fileno=saved["notify"])
    tracking.children = [(pid, start) for pid, start in saved["children"]]
    tracking.lost = dict(saved["lost"])
    tracking.tokens = set(saved["tokens"])
    return tracking


def console_of(state: dict[str, Any], console: Console) -> None:
    """Give a console its process back."""
    saved = state["console"]
    console.pid = saved["pid"]
    if saved["fd"] >= 0:
        console.adopt(Link(saved["fd"]))
