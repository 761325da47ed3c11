"""daemon-reexec: the manager writes all it knows to a memfd, executes itself, and goes on where it was.

What the state names by number (links, pipes, sockets) stays open over the exec; everything else is close-on-exec.
"""

from __future__ import annotations

import _socket
import os
import stat

from systemctl_replacement import paths, syscalls, wire
from systemctl_replacement.log_levels import LOG_ERR
from systemctl_replacement.manager import renaming
from systemctl_replacement.manager.manager import Manager
from systemctl_replacement.manager.process_events import store_of
from systemctl_replacement.manager.reexec.codec import decode, encode
from systemctl_replacement.manager.unit import ManagedUnit
from systemctl_replacement.process.link import Link
from systemctl_replacement.process.told import Told
from systemctl_replacement.supervision import kept_users
from systemctl_replacement.supervision.client import ForkServer
from systemctl_replacement.supervision.console import ConsoleHandle
from systemctl_replacement.supervision.unit_processes import Tracking
from systemctl_replacement.units.table import traits_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any, Callable


_UNIT_FIELDS = (
    "state", "stamps", "condition_result", "assert_result", "condition_results", "assert_results", "invocation_id",
    "activation_details", "starts", "limit_hit", "peer", "skipped",
)  # fmt: skip
_TRACKING_FIELDS = (
    "supervisor", "ready", "log_read", "log_write", "notify_path", "degraded", "early", "unanswered", "removing",
    "populated", "elsewhere", "main", "control", "releasing", "settings", "invocation_id", "notify_access", "late",
    "known_as", "room", "has_foreign_main",
)  # fmt: skip
_CHANNELS = ("link", "notify", "log_read", "log_write")


# --- before the exec ----------------------------------------------------------------------------------------------


def has_unsent(manager: Manager) -> bool:
    """Whether messages wait to be sent, or one has arrived in part: neither can be taken along."""
    processes = manager.processes
    links: list[Link | None] = [tracking.link for tracking in processes.trackings.values()]
    links.append(processes.helpers.forkserver.link)
    if processes.helpers.console is not None:
        links.append(processes.helpers.console.link)
    return manager.bus.is_amid or manager.logs.is_amid or any(link is not None and link.is_amid for link in links)


def snapshot(
    manager: Manager, listener: int, boot: dict[str, Any], clients: Sequence[dict[str, Any]] = ()
) -> dict[str, Any]:
    """Everything the manager knows, as plain data. boot: what belongs to the boot (ids, options, start times)."""
    processes = manager.processes
    console = processes.helpers.console
    return {
        "boot": boot,
        "booted": manager.boot.done,
        "log_level": manager.log.maximum,
        "shows": manager.log.shows,
        "status_lines": manager.log.status_lines,
        "environment": manager.execution.environment,
        "listener": listener,
        "clocks": manager.driver.ports.clock_descriptor(),
        "clients": list(clients),
        "forkserver": {"pid": processes.helpers.forkserver.pid, "fd": processes.helpers.forkserver.fileno()},
        "console": None if console is None else _console(console),
        "bus": manager.bus.saved(),
        "logs": manager.logs.saved(),
        "asked_for": sorted(manager.registry.asked_for),
        "units": [_unit(unit) for unit in manager.registry],
        "jobs": encode(list(manager.jobs.jobs.values())),
        "next_id": manager.jobs.next_id,
        "trackings": [_tracking(tracking) for tracking in processes.trackings.values()],
        "halt": manager.halt.saved(),
    }


def _console(console: ConsoleHandle) -> dict[str, Any]:
    fd = console.link.fileno() if console.link is not None else -1
    return {"pid": console.pid, "fd": fd, "stdout": console.stdout, "json": console.as_json}


def _unit(unit: ManagedUnit) -> dict[str, Any]:
    store = unit.fd_store.entries if unit.fd_store is not None else []
    records = unit.kind.records
    fields = {name: encode(getattr(unit, name), records) for name in _UNIT_FIELDS}
    ports = unit.ports.saved() if unit.ports is not None else []
    return {"id": unit.id, "fd_store": encode(store), "ports": ports, **fields}


def _tracking(tracking: Tracking) -> dict[str, Any]:
    return {
        "unit": tracking.unit,
        "link": tracking.link.fileno() if tracking.link is not None else -1,
        "notify": tracking.notify.fileno() if tracking.notify is not None else -1,
        "users": tracking.users.saved(),
        "children": encode(tracking.children),
        "lost": encode(list(tracking.lost.items())),
        "undecided": encode(list(tracking.undecided.items())),
        "sessions": sorted(tracking.sessions),
        "tokens": sorted(tracking.tokens),
        "told": encode(tracking.told.entries),
        **{name: encode(getattr(tracking, name)) for name in _TRACKING_FIELDS},
    }


def descriptors(state: dict[str, Any]) -> list[int]:
    """The descriptors that a snapshot names; several units may have one in common."""
    return list(dict.fromkeys([holder[name] for holder, name in _places(state) if holder[name] >= 0]))


def renumber(state: dict[str, Any], numbers: Mapping[int, int]) -> None:
    """Give a snapshot that another process has made the numbers that its descriptors have here; -1 where there is
    none. An exception if it is no snapshot."""
    for holder, name in _places(state):
        holder[name] = numbers.get(holder[name], -1)


def _places(state: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    """Where a snapshot names descriptors."""
    yield state, "listener"
    if "clocks" in state:
        yield state, "clocks"
    if "foreground" in state["boot"]:
        yield state["boot"]["foreground"], "go"
    if state.get("forkserver") is not None:
        yield state["forkserver"], "fd"
    if state.get("console") is not None:
        yield state["console"], "fd"
        yield state["console"], "stdout"
    if state.get("bus") is not None:
        yield state["bus"], "fd"
    if state.get("logs") is not None:
        yield state["logs"], "fd"
        for entry in (*state["logs"]["sockets"], *state["logs"]["streams"]):
            yield entry, "fd"
    for tracking in state["trackings"]:
        for name in _CHANNELS:
            yield tracking, name
        yield from kept_users.places(tracking.get("users", {}))
    for unit in state["units"]:
        for entry in (*unit["fd_store"], *unit.get("ports", ())):
            yield entry, "fd"
    for client in state["clients"]:
        yield client, "fd"


def execute(state: dict[str, Any], command: list[str]) -> None:
    """Execute the manager again with its state in a memfd. An exception if that is impossible: nothing has changed."""
    data = memoryview(wire.dumps(state))
    memfd = os.memfd_create("systemctl-replacement-state")
    kept = [*descriptors(state), memfd]
    try:
        while data:
            data = data[os.write(memfd, data) :]
        os.lseek(memfd, 0, os.SEEK_SET)
        for fd in kept:
            os.set_inheritable(fd, True)
        os.execv(command[0], [*command, f"--deserialize={memfd}"])
    finally:  # reached only when there was no exec
        for fd in kept:
            os.set_inheritable(fd, False)
        os.close(memfd)


# --- after the exec -----------------------------------------------------------------------------------------------


class Unreadable(Exception):
    """What was handed over is no state of a manager."""


def read(fd: int) -> dict[str, Any]:
    """The snapshot in a memfd, its descriptors close-on-exec again. Unreadable if it is none."""
    try:
        with os.fdopen(fd, "rb") as file:
            state: dict[str, Any] = wire.loads(file.read())
        check(state)
        int(state["forkserver"]["pid"])
        _check_socket(state["forkserver"]["fd"])
        console = state["console"]
        if console is not None:
            os.fstat(console["stdout"])
            bool(console["json"]), int(console["pid"])
            if console["fd"] >= 0:
                _check_socket(console["fd"])
    except Exception as error:
        raise Unreadable(f"{type(error).__name__}: {error}") from error
    state["inherited"] = _take_descriptors()
    return state


def check(state: dict[str, Any]) -> None:
    """An exception if there is not what a manager cannot be made without. Units and the rest are looked at one by one
    when they are restored."""
    str(state["boot"]["id"]), [int(stamp) for stamp in state["boot"]["start"]]
    _check_socket(state["listener"])
    list(state["units"]), list(state["trackings"]), list(state["jobs"])


def _check_socket(fd: int) -> None:
    if not stat.S_ISSOCK(os.fstat(fd).st_mode):
        raise ValueError(f"{fd} is no socket")


def _take_descriptors() -> dict[int, tuple[int, int]]:
    """Everything open but the standard descriptors, no longer for a program to inherit: numbers with identities."""
    found = {}
    for number in map(int, os.listdir("/proc/self/fd")):
        if number > 2:
            try:
                os.set_inheritable(number, False)
                found[number] = syscalls.file_identity(number)
            except OSError:
                continue  # the one the directory was read with
    return found


def start_over() -> ForkServer:
    """Keep nothing of the manager before, whose state cannot be read: a new forkserver.

    The end of their links tells its supervisors to stop their units, as its death would.
    """
    syscalls.close_all_except([0, 1, 2])
    try:
        return ForkServer.spawn_new(paths.self_command())
    except OSError:
        return ForkServer.fork_now()


def forkserver_of(state: dict[str, Any]) -> ForkServer:
    return ForkServer(state["forkserver"]["pid"], Link(state["forkserver"]["fd"]))


def restore(manager: Manager, state: dict[str, Any], canonical: Callable[[str], str]) -> bool:
    """Give units, jobs and processes back to a manager that has its parts; whether it has them all.

    canonical: the id of the unit that a name is one of: files may have become links to others meanwhile.

    What cannot be restored is logged, and costs no other unit anything: it is inactive, and its supervisor stops it.
    """
    lost: set[str] = set()
    left_out = []

    def attempt(what: str, function: Callable[..., object], *arguments: Any) -> bool:
        try:
            function(*arguments)
        except Exception as error:
            lost.add(what)
            manager.log.manager(LOG_ERR, f"Cannot restore {what}: {type(error).__name__}: {error}")
        return what not in lost

    attempt("names", lambda: left_out.append(renaming.follow_in(manager, state, canonical)))
    attempt("settings", _restore_settings, manager, state)
    if state.get("bus") is not None:
        attempt("bus", manager.bus.restore, state["bus"])
    if state.get("clocks", -1) >= 0:
        attempt("clocks", manager.driver.ports.clocks().adopt, state["clocks"])
    for saved in state["units"]:
        attempt(_name(saved, "id"), _restore_unit, manager, saved)
    logs = state.get("logs")
    has_moved = isinstance(logs, dict) and manager.logs.has_moved(logs)
    for saved in state["trackings"]:
        name = _name(saved, "unit")
        if name in lost or not attempt(name, _restore_tracking, manager, saved, has_moved):
            _abandon(manager, name)
    if logs is not None:
        attempt("logs", manager.logs.restore, logs)
    for saved in state["jobs"]:
        name = _name(saved, "unit")
        if name not in lost:
            attempt(f"job of {name}", lambda job: manager.jobs.restore(decode(job)), saved)
    if lost or any(left_out):
        attempt("descriptors", _close_the_rest, manager, state)
    if "halt" in state:
        attempt("halt", manager.halt.restore, state["halt"])
    for unit in manager.registry:
        if unit.id not in lost:
            attempt(unit.id, manager.driver.resume, unit)
    manager.driver.tell_reloaded()
    return not lost


def _name(saved: Any, key: str) -> str:
    name = saved.get(key) if isinstance(saved, dict) else None
    return name if isinstance(name, str) else "a unit without a name"


def _restore_settings(manager: Manager, state: dict[str, Any]) -> None:
    manager.boot.done = state["booted"]
    manager.jobs.next_id = state["next_id"]
    manager.registry.asked_for.update(state.get("asked_for", ()))
    manager.log.maximum = state.get("log_level", manager.log.maximum)
    manager.log.shows = state.get("shows", manager.log.shows)
    manager.execution.environment = dict(state["environment"])


def _restore_unit(manager: Manager, saved: dict[str, Any]) -> None:
    # All of it is read before any of it is taken. What is missing has its default: we may have been upgraded.
    records = traits_of(saved["id"]).load().records
    fields = {name: decode(saved[name], records) for name in _UNIT_FIELDS if name in saved}
    stored = decode(saved["fd_store"])
    unit = manager.registry.get(saved["id"])
    if type(fields["state"]) is not type(unit.state):
        raise TypeError(f"no state of a unit: {fields['state']!r}")
    for entry in stored:
        store_of(unit, manager.loop, manager.processes).restore(entry)
    if saved.get("ports"):
        manager.driver.ports.of(unit).restore(saved["ports"])
    for name, value in fields.items():
        setattr(unit, name, value)
    unit.starts = list(unit.starts)


def _restore_tracking(manager: Manager, saved: dict[str, Any], has_moved: bool) -> None:
    unit = manager.registry.get(saved["unit"])
    tracking = _restored(saved)
    if has_moved:
        tracking.known_as = ""  # what its supervisor knows of its file is not so any more
    try:
        manager.processes.adopt(tracking)
    except BaseException:
        tracking.close()
        raise
    unit.tracking = tracking
    manager.processes.invocations[unit.id] = unit.invocation_id
    manager.processes.settings[unit.id] = tracking.settings


def _abandon(manager: Manager, name: str) -> None:
    """A unit that is lost is as it was before its start."""
    manager.processes.trackings.pop(name, None)
    unit = manager.registry.find(name)
    if unit is not None and unit.id == name:
        unit.tracking = None
        unit.state = unit.kind.initial_state()


def _close_the_rest(manager: Manager, state: dict[str, Any]) -> None:
    """Close what was inherited and nobody has taken over, so that the supervisors of lost units stop them."""
    taken = descriptors(snapshot(manager, state["listener"], manager.boot.record, state.get("clients", ())))
    for fd, identity in state["inherited"].items():
        try:
            if fd not in taken and syscalls.file_identity(fd) == identity:
                os.close(fd)
        except OSError:
            continue  # closed already


def _restored(saved: dict[str, Any]) -> Tracking:
    numbers = {name: int(saved[name]) for name in _CHANNELS}
    for fd in numbers.values():
        if fd >= 0:
            os.fstat(fd)
    tracking = Tracking(saved["unit"])
    for name in _TRACKING_FIELDS:
        setattr(tracking, name, saved.get(name, getattr(tracking, name)))
    tracking.children = [(pid, start) for pid, start in saved["children"]]
    tracking.lost = dict(saved["lost"])
    tracking.undecided = dict(saved.get("undecided", ()))
    tracking.sessions = set(saved.get("sessions", ()))
    tracking.tokens = set(saved["tokens"])
    tracking.users.restore(saved.get("users", {}))
    tracking.told = Told(saved.get("told", ()))
    # Nothing goes wrong from here on that would leave a descriptor with two owners.
    tracking.link = Link(numbers["link"]) if numbers["link"] >= 0 else None
    if numbers["notify"] >= 0:
        tracking.notify = _socket.socket(fileno=numbers["notify"])
    return tracking


def console_of(state: dict[str, Any], console: ConsoleHandle) -> None:
    """Give a console its process back."""
    saved = state["console"]
    console.pid = saved["pid"]
    if saved["fd"] >= 0:
        console.adopt(Link(saved["fd"]))
