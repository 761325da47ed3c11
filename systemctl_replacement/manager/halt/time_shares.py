"""The time of a halt: everybody is told to stop before it is over.

If we were told how long a halt may take, that time is shared along the order (jobs/turns.py): a unit whose turn has
come is stopped although others before it are not done. Then it is the turn of what is in no order (units that no job
stops, processes that no unit stops), and shortly before the end SIGTERM goes to everybody who has had none. If we only
guess the time, everybody gets SIGTERM when it is nearly over, whatever the order.
"""

from __future__ import annotations

from systemctl_replacement.few_names import few
from systemctl_replacement.jobs import turns
from systemctl_replacement.jobs.model import STOP, WAITING
from systemctl_replacement.log_levels import LOG_WARNING
from systemctl_replacement.loop import Timer, now_monotonic
from systemctl_replacement.manager.halt.stop_time import LAST_WORD_USEC, VARIABLE, StopTime, last_word_at

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from systemctl_replacement.jobs.model import Job
    from systemctl_replacement.jobs.turns import Stop
    from systemctl_replacement.manager.core import Core
    from systemctl_replacement.manager.halt.account import HaltAccount
    from systemctl_replacement.manager.halt.signalling import HaltSignals
    from systemctl_replacement.manager.jobs.table import JobTable
    from systemctl_replacement.manager.unit import ManagedUnit

# Turns are worked out in one step, which takes long if many units are in an order with many others (30 ms for a
# thousand units with eight each; nobody but who writes unit files can make it longer). The pause after it is at least
# so many times as long: the halt needs PID 1 for other things, too. Whoever is late then is told together with others.
_PAUSE = 5


def takes_time(unit: ManagedUnit) -> bool:
    """Whether stopping a unit takes more than saying so."""
    return unit.tracking is not None or unit.kind.stop_takes_time(unit.config, unit.state)


def need(unit: ManagedUnit) -> int:
    """How long the stop of a unit may take, in microseconds: TimeoutStopSec=."""
    return unit.kind.stopping(unit.config)[0] if takes_time(unit) else 0


class HaltTime:
    """Gives each unit its turn."""

    def __init__(self, core: Core, jobs: JobTable, signals: HaltSignals, account: HaltAccount) -> None:
        self._core = core
        self._loop = core.loop
        self._registry = core.registry
        self._jobs = jobs
        self._signals = signals
        self._account = account
        self._ahead: set[int] = set()  # ids of jobs that wait for nobody any more
        self._begin = self._end = 0
        self._turn: Timer | None = None
        self._is_over = False

    def over(self) -> None:
        """Give nobody a turn any more."""
        self._is_over = True
        if self._turn is not None:
            self._turn.cancel()

    @property
    def stops_left(self) -> bool:
        """Whether a unit is still to be stopped, or being stopped, and that takes time."""
        return any(takes_time(self._registry[job.unit]) for job in self._stop_jobs())

    def _stop_jobs(self) -> list[Job]:
        return [job for job in self._jobs.jobs.values() if job.type == STOP]

    def _names(self, units: Iterable[str]) -> str:
        return few(sorted(unit for unit in units if takes_time(self._registry[unit])))

    def _call_at(self, time: int, what: Callable[[], object]) -> None:
        if self._turn is not None:
            self._turn.cancel()
        if not self._is_over:
            self._turn = self._loop.call_at(time, what)

    # --- a time that we were told ---

    def share(self, begin: int, end: int) -> None:
        """Share the time from `begin` to `end` among the stops. Some of it may be over."""
        self._begin, self._end = begin, end
        self._look()

    def _stops(self) -> dict[str, Stop]:
        return turns.stops_of(self._jobs.view, lambda unit: need(self._registry[unit]), self._since)

    def _since(self, job: Job) -> int | None:
        if job.state == WAITING and job.id not in self._ahead:
            return None
        since = self._account.since(job)
        return now_monotonic() if since is None else since

    def _need_of_rest(self, stops: dict[str, Stop]) -> int:
        """How long those may take who are told last: what no job stops, and those whose ExecStop= is still running when
        the turns of all have come, who get their signal then."""
        needs = [LAST_WORD_USEC]
        if self._signals.any_rest:
            needs.append(self._core.config.default_timeout_stop)
        for name, stop in stops.items():
            unit = self._registry[name]
            if unit.kind.stop_takes_time(unit.config, unit.state):
                needs.append(stop.need)
        return max(needs)

    def _look(self) -> None:
        """Somebody's turn may have come, unless others were done sooner than they might have been."""
        now = now_monotonic()
        stops = self._stops()
        units, when = turns.come(stops, self._need_of_rest(stops), self._begin, now, self._end)
        if units:
            self._stop_out_of_order(stops, units)
        if when.rest > now:
            after = now_monotonic()
            next_turn = max(min(when.units.values(), default=when.rest), after + _PAUSE * (after - now))
            self._call_at(min(next_turn, when.rest), self._look)
            return
        self._signals.remind(unit for unit, stop in stops.items() if stop.since is not None)
        self._signals.stop_the_rest()
        self._call_at(last_word_at(now, self._end), self._signals.tell_everybody)

    def _stop_out_of_order(self, stops: dict[str, Stop], units: list[str]) -> None:
        late = turns.holding_up(stops, units)
        self._signals.remind(late)
        early, holding = self._names(units), self._names(late)
        if early and holding:
            order = "Stopping out of order, so that they get their share of the time"
            self._core.log.manager(LOG_WARNING, f"Still stopping: {holding}. {order}: {early}.")
        ahead = set(units)
        jobs = [job for job in self._stop_jobs() if job.unit in ahead]
        self._ahead.update(job.id for job in jobs)
        self._jobs.go_ahead(jobs)

    # --- a time that we guess ---

    def guess(self, time: StopTime, since: int) -> None:
        """Nobody is to be surprised by the end of a time that we only guess."""
        # Due at once if it was due before a re-execution, which has put the jobs into their order again.
        self._call_at(since + time.nears_after, lambda: self._time_nears(time))

    def _time_nears(self, time: StopTime) -> None:
        """Whoever stopped us may kill us soon: nobody should be killed without SIGTERM."""
        jobs = self._stop_jobs()
        late = self._names(job.unit for job in jobs if job.state != WAITING)
        untold = self._names(job.unit for job in jobs if job.state == WAITING)
        if late or untold:
            text = (
                f"{time.engine} allows {time.default} for a halt by default. If it waits longer, say so "
                f"with init --stop-timeout= or ${VARIABLE}."
                f"{' Still stopping: ' + late + '.' if late else ''}"
                f"{' Stopping out of order: ' + untold + '.' if untold else ''}"
            )
            self._core.log.manager(LOG_WARNING, text)
        self._signals.remind([job.unit for job in jobs])
        self._jobs.go_ahead(jobs)
        self._signals.stop_the_rest()
