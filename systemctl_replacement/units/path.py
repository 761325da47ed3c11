"""Paths: they start another unit when something exists, or happens, in the file system (systemd.path(5)).

    dead ──▶ waiting ◀──▶ running ──▶ failed

A path watches while it waits. When it has started the other unit it is `running`, and watches nothing until that one is
down again; then it looks anew, so that a condition that still holds starts it once more.
"""

from __future__ import annotations

from systemctl_replacement.log_levels import LOG_DEBUG, LOG_ERR, LOG_WARNING
from systemctl_replacement.records import dataclass, replace
from systemctl_replacement.unitfile.values import INFINITY
from systemctl_replacement.units.end_line import end_line
from systemctl_replacement.units.events import (
    CHANGED,
    DIRECTORY_NOT_EMPTY,
    EXISTS,
    EXISTS_GLOB,
    MODIFIED,
    Changed,
    ClosePort,
    Log,
    MakeDirectories,
    PathChanged,
    PortFailed,
    Reloaded,
    ResetFailed,
    Start,
    StartLimitHit,
    Stop,
    Trigger,
    Triggered,
    TriggeredChanged,
    TriggerRefused,
    WatchPath,
)
from systemctl_replacement.units.kind import Kind
from systemctl_replacement.units.ratelimit import below_limit
from systemctl_replacement.units.states import (
    ACTIVE,
    FAILED,
    INACTIVE,
    INACTIVE_OR_FAILED,
    RESOURCES,
    START_LIMIT_HIT,
    SUCCESS,
    TRIGGER_LIMIT_HIT,
    UNIT_START_LIMIT_HIT,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Callable, Optional

    from systemctl_replacement.unitfile.load import Unit
    from systemctl_replacement.unitfile.manager_config import ManagerConfig
    from systemctl_replacement.units.events import Action, Context, Event, Other

_WHAT = {
    "PathExists": EXISTS,
    "PathExistsGlob": EXISTS_GLOB,
    "PathChanged": CHANGED,
    "PathModified": MODIFIED,
    "DirectoryNotEmpty": DIRECTORY_NOT_EMPTY,
}
# MakeDirectory= makes none for the others: it would make them true.
_MADE = (CHANGED, MODIFIED, DIRECTORY_NOT_EMPTY)

# How often a path may trigger where it does not say (systemd.path(5)).
_TRIGGER_INTERVAL_USEC = 2_000_000
_TRIGGER_BURST = 200
_ENDLESS = 2**32 - 1

_ACTIVE_STATES = {"dead": INACTIVE, "waiting": ACTIVE, "running": ACTIVE, "failed": FAILED}


@dataclass(frozen=True)
class PathConfig:
    """The [Path] section. watched: what is looked for where, in the order in which systemd looks; interval: in
    microseconds."""

    id: str
    unit: str
    watched: tuple[tuple[str, str], ...] = ()
    make_directory: bool = False
    directory_mode: int = 0o755
    interval: int = _TRIGGER_INTERVAL_USEC
    burst: int = _TRIGGER_BURST


@dataclass(frozen=True)
class PathState:
    """The state of a path.

    told: the sub-state that everybody knows of. ports: what is watched. unanswered: how many of these have not been
    looked at yet; found: the first at which something was found, and failure: why one cannot be watched. triggers: as
    `below_limit` counts them.
    """

    sub: str = "dead"
    told: str = "dead"
    result: str = SUCCESS
    ports: tuple[str, ...] = ()
    unanswered: int = 0
    found: str = ""
    failure: tuple[str, str] = ("", "")
    triggers: tuple[int, ...] = ()


class PathKind(Kind):
    """A path is `dead`, `waiting`, `running` or `failed`."""

    records = (PathState,)

    # --- configuration and state ---

    def configure(self, file: Unit, manager: ManagerConfig, sees_all: Callable[[], bool]) -> PathConfig:
        def get(name: str) -> Any:
            return file.get("Path", name)

        interval, burst = get("TriggerLimitIntervalSec"), get("TriggerLimitBurst")
        # systemd takes what is endless for what is not set.
        return PathConfig(
            file.id,
            next(iter(file.dependencies.get("Triggers", ())), ""),
            tuple([(_WHAT[kind], path) for kind, path in reversed(get("Paths"))]),
            get("MakeDirectory"),
            get("DirectoryMode"),
            _TRIGGER_INTERVAL_USEC if interval in (None, INFINITY) else interval,
            _TRIGGER_BURST if burst in (None, _ENDLESS) else burst,
        )

    def initial_state(self) -> PathState:
        return PathState()

    def step(
        self, config: PathConfig, state: PathState, event: Event, context: Context
    ) -> tuple[PathState, tuple[Action, ...]]:
        return _Step(config, state, context).after(event)

    def active_state(self, config: PathConfig, state: PathState) -> str:
        return _ACTIVE_STATES[state.sub]

    def result(self, state: PathState) -> str:
        return state.result

    # --- what it can be asked ---

    def refusal(self, config: PathConfig, triggered: Mapping[str, Other]) -> str:
        other = triggered.get(config.unit)
        loaded = other is not None and other.load_state == "loaded"
        return "" if loaded else f"Refusing to start, unit {config.unit} to trigger not loaded."


class _Step:
    """One step of the machine."""

    def __init__(self, config: PathConfig, state: PathState, context: Context) -> None:
        self.config = config
        self.state = state
        self.context = context
        self.actions: list[Action] = []

    def after(self, event: Event) -> tuple[PathState, tuple[Action, ...]]:
        """The state after an event, and what is to be done about it."""
        handler = _UP.get(type(event)) if self.is_up else _DOWN.get(type(event))
        if handler is not None:
            handler(self, event)
        return self.state, tuple(self.actions)

    @property
    def is_up(self) -> bool:
        return self.state.sub in ("waiting", "running")

    @property
    def other(self) -> Optional[Other]:
        return (self.context.triggered or {}).get(self.config.unit)

    def log(self, level: int, message: str) -> None:
        self.actions.append(Log(level, message))

    def set(self, **changes: Any) -> None:
        self.state = replace(self.state, **changes)

    # --- states ---

    def enter(self, sub: str) -> None:
        """Be in a sub-state, and say so."""
        if sub != self.state.told:
            self.actions.append(Changed(sub, _ACTIVE_STATES[sub], self.state.result))
        self.set(sub=sub, told=sub)

    def look(self) -> None:
        """Wait, unless there is something already, or the other unit is up."""
        other = self.other
        if other is not None and other.active not in INACTIVE_OR_FAILED:
            self.close(())
            self.enter("running")
            return
        ports = tuple(dict.fromkeys([f"{what} {path}" for what, path in self.config.watched]))
        self.close(ports)
        # Nobody is told before all have been looked at.
        self.set(sub="waiting", ports=ports, unanswered=len(ports), found="", failure=("", ""))
        for port in ports:
            what, _, path = port.partition(" ")
            self.actions.append(WatchPath(port, path, what))
        if not ports:
            self.enter("waiting")

    def close(self, but: tuple[str, ...]) -> None:
        """Watch nothing but these any more."""
        self.actions += [ClosePort(port) for port in self.state.ports if port not in but]
        self.set(ports=tuple([port for port in self.state.ports if port in but]), unanswered=0)

    def trigger(self, path: str) -> None:
        """Start the other unit."""
        config = self.config
        self.log(LOG_DEBUG, "Got triggered.")
        if self.context.stop_pending:
            return
        below, triggers = below_limit(list(self.state.triggers), self.context.now, config.interval, config.burst)
        self.set(triggers=tuple(triggers))
        if not below:
            self.log(LOG_WARNING, "Trigger limit hit, refusing further activation.")
            self.go_down(TRIGGER_LIMIT_HIT)
        elif not config.unit:
            self.log(LOG_ERR, "Unit to trigger vanished.")
            self.go_down(RESOURCES)
        else:
            self.close(())
            self.set(sub="running")
            self.actions.append(Trigger(config.unit, details=(f"TRIGGER_UNIT={config.id}", f"TRIGGER_PATH={path}")))

    def go_down(self, result: str) -> None:
        """It ends."""
        self.close(())
        if self.state.result == SUCCESS:
            self.set(result=result)
        self.actions.append(end_line(self.state.result))
        self.enter("dead" if self.state.result == SUCCESS else "failed")

    # --- events while it is down ---

    def start(self, _event: Start) -> None:
        config = self.config
        made = tuple([path for what, path in config.watched if what in _MADE])
        if config.make_directory and made:
            self.actions.append(MakeDirectories(made, config.directory_mode))
        self.set(result=SUCCESS)
        self.look()

    def start_limit_hit(self, _event: StartLimitHit) -> None:
        self.log(LOG_WARNING, "Start request repeated too quickly.")
        self.go_down(START_LIMIT_HIT)

    def reset(self, _event: ResetFailed) -> None:
        self.set(result=SUCCESS)
        self.enter("dead")

    # --- events while it is up ---

    def stop(self, _event: Stop) -> None:
        self.go_down(SUCCESS)

    def looked(self, event: PathChanged) -> None:
        if event.said:
            self.log(LOG_WARNING, event.said)
        if not self.state.unanswered:
            if event.holds:
                self.trigger(event.path)
            return
        if event.holds and not self.state.found:
            self.set(found=event.path)
        self.answered()

    def port_failed(self, event: PortFailed) -> None:
        if self.state.unanswered:
            if not self.state.failure[0]:
                self.set(failure=(event.message, event.said))
            self.answered()
        else:
            self.cannot_watch(event.message, event.said)

    def answered(self) -> None:
        self.set(unanswered=self.state.unanswered - 1)
        if self.state.unanswered:
            return
        if self.state.found:
            self.trigger(self.state.found)
            if self.state.sub == "waiting":
                self.enter("waiting")
        elif self.state.failure[0]:
            self.cannot_watch(*self.state.failure)
        else:
            self.enter("waiting")

    def cannot_watch(self, message: str, said: str) -> None:
        if said:
            self.actions.append(Log(LOG_ERR, said, of_unit=False))
        self.log(LOG_WARNING, f"Failed to enter waiting state: {message}")
        self.go_down(RESOURCES)

    def triggered(self, _event: Triggered) -> None:
        self.enter(self.state.sub)

    def refused(self, event: TriggerRefused) -> None:
        self.log(LOG_WARNING, f"Failed to queue unit startup job: {event.message}")
        self.go_down(RESOURCES)

    def other_changed(self, _event: TriggeredChanged) -> None:
        other = self.other
        if other is None:
            return
        if other.limit_hit:
            self.go_down(UNIT_START_LIMIT_HIT)
        elif not other.job and (self.state.sub == "waiting") != (other.active in INACTIVE_OR_FAILED):
            self.look()

    def reloaded(self, _event: Reloaded) -> None:
        self.look()


_DOWN: dict[type[Any], Callable[[_Step, Any], None]] = {
    Start: _Step.start,
    StartLimitHit: _Step.start_limit_hit,
    ResetFailed: _Step.reset,
}
_UP: dict[type[Any], Callable[[_Step, Any], None]] = {
    Stop: _Step.stop,
    PathChanged: _Step.looked,
    PortFailed: _Step.port_failed,
    Triggered: _Step.triggered,
    TriggerRefused: _Step.refused,
    TriggeredChanged: _Step.other_changed,
    Reloaded: _Step.reloaded,
}

KIND = PathKind()
