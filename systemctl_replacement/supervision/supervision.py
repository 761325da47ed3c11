"""All processes of all units, as far as the manager has to do with them: what it asks of their supervisors."""

from __future__ import annotations

from systemctl_replacement.log_levels import LOG_WARNING
from systemctl_replacement.process.exec_spec import ExecSpec
from systemctl_replacement.records import replace
from systemctl_replacement.supervision.asking import ask, how, identity
from systemctl_replacement.supervision.supervisors import Supervisors

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, Callable


class Processes(Supervisors):
    """The processes of all units, by unit id. Their supervisors are made when they are needed."""

    def spawn(self, unit: str, token: int, spec: ExecSpec, notify: bool, told: bool, fds: Sequence[int] = ()) -> None:
        """Start a process of a unit, and pass it descriptors. The answer is Forked or SpawnFailed.

        notify: whether the unit has a notify socket; told: whether this process is told of it. OSError without room for
        descriptors.
        """
        tracking = self.track(unit, notify)
        if tracking.notify_path and told:
            assignments = (*spec.environment.assignments, f"NOTIFY_SOCKET={tracking.notify_path}")
            spec = replace(spec, environment=replace(spec.environment, assignments=assignments))
        self._tell_room(tracking)
        self.attributed.tell(tracking)
        settings = self.settings.get(unit, {})
        ask(tracking, token, spec, fds, settings, lambda message, fds: self._send(tracking, message, fds))

    def identify(self, unit: str, main: int, control: int, notify_access: str, foreign: bool = False) -> None:
        """Tell which process is which: for NotifyAccess=, and to watch a main process from elsewhere."""
        tracking = self.trackings.get(unit)
        if tracking is None:
            return
        tracking.main, tracking.control = main, control
        tracking.notify_access = notify_access or tracking.notify_access
        tracking.has_foreign_main = foreign
        self._send(tracking, identity(tracking))
        self.attributed.tell(tracking)
        if foreign and main not in tracking.lost:
            self._send(tracking, {"op": "watch", "pid": main})

    def signal(self, unit: str, pids: tuple[int, ...], signal: int, cont: bool, hup: bool, purpose: str = "") -> None:
        tracking = self.trackings.get(unit)
        if tracking is not None:
            message = {"op": "signal", "pids": list(pids), **how(signal, cont, hup, purpose)}
            tracking.signal_lost(message)
            if supervised := [pid for pid in pids if pid not in tracking.lost]:
                self._send(tracking, {**message, "pids": supervised})

    def signal_all(
        self, unit: str, signal: int, spare: Sequence[int], cont: bool, hup: bool, purpose: str = ""
    ) -> None:
        tracking = self.trackings.get(unit)
        if tracking is not None:
            if tracking.has_strays:
                self.reaper.refresh(tracking)
            message = {"op": "signal-all", "except": list(spare), **how(signal, cont, hup, purpose)}
            tracking.signal_lost(message)
            self._send(tracking, message)

    def room_changed(self, unit: str) -> None:
        """A unit may store more or fewer descriptors than before."""
        tracking = self.trackings.get(unit)
        if tracking is not None:
            self._tell_room(tracking)

    def guess_main(self, unit: str) -> None:
        self._send(self.trackings[unit], {"op": "guess-main"})

    def remove(self, unit: str, paths: list[str], links: list[str]) -> bool:
        """Remove directories in the background. False if there is no supervisor to do it."""
        try:
            tracking = self.track(unit, notify=False)
        except OSError:
            return False
        self._removals += 1
        tracking.removing = self._removals
        self._send(tracking, {"op": "remove", "number": tracking.removing, "paths": paths, "links": links})
        return True

    def stop_removing(self, unit: str) -> None:
        """Abort a removal that takes too long."""
        tracking = self.trackings.get(unit)
        if tracking is not None and tracking.removing:
            tracking.removing = 0
            self._send(tracking, {"op": "stop-removing"})

    def rotate_journals(self) -> None:
        """Let new files begin with what units print from now on."""
        for tracking in self.trackings.values():
            if tracking.link is not None and not tracking.releasing:
                self._send(tracking, {"op": "rotate"})

    def move_journals(self) -> None:
        """Have what units print from now on written where their files are now."""
        for tracking in self.trackings.values():
            if tracking.link is not None and not tracking.releasing:
                journal = self._journal(tracking.unit)
                self._send(tracking, {"op": "move", "path": journal["path"], "limits": journal["limits"]})

    def release(self, unit: str) -> None:
        """The unit is inactive and has no processes: its supervisor may exit."""
        tracking = self.trackings.get(unit)
        if tracking is None or tracking.releasing:
            return
        if tracking.link is None and tracking.users:
            try:
                self._supervise(tracking)  # to remove what they leave
            except OSError as error:
                self._log_unit(unit, LOG_WARNING, f"Cannot start a new supervisor: {error.strerror}")
        if tracking.link is None:
            self._forget(tracking)
            return
        tracking.releasing = True
        self._send(tracking, {"op": "release"})

    def when_released(self, callback: Callable[[], object]) -> None:
        """Call back once no unit has a tracking."""
        self._released = callback
        if not self.trackings:
            self.loop.call_soon(callback)

    def rename(self, old: str, new: str) -> None:
        """A unit has another id."""
        keyed: tuple[dict[str, Any], ...] = (self.trackings, self.invocations, self.settings)
        for by_unit in keyed:
            if old in by_unit:
                by_unit[new] = by_unit.pop(old)
        if new in self.trackings:
            self.trackings[new].unit = new
            self.attributed.tell(self.trackings[new])
            self._tell_name(self.trackings[new])
