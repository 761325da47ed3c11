"""When a timer elapses next (systemd.timer(5))."""

from __future__ import annotations

from systemctl_replacement.records import dataclass
from systemctl_replacement.unitfile.infinity import INFINITY
from systemctl_replacement.units.timer.config import ACTIVE, BOOT, CALENDAR, STARTUP, UNIT_ACTIVE, UNIT_INACTIVE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

    from systemctl_replacement.units.events import Context, Other
    from systemctl_replacement.units.timer.config import TimerConfig
    from systemctl_replacement.units.timer.state import TimerState

# These elapse once; the others do whenever something has happened again.
_ONCE = (ACTIVE, BOOT, STARTUP)


@dataclass(frozen=True)
class Plan:
    """next, disabled: as in TimerState. realtime, monotonic: the first time by either clock, None for none. stays: some
    times depend on the other unit, which may be started again."""

    next: tuple[int, ...]
    disabled: tuple[int, ...]
    realtime: Optional[int]
    monotonic: Optional[int]
    stays: bool


def plan(
    config: TimerConfig, state: TimerState, context: Context, other: Other, is_active: bool, clock_was_set: bool
) -> Plan:
    """Work out when each of the times comes.

    other: the unit that is to be started. is_active: the timer has been started before. clock_was_set: it is only
    because of that that they are worked out, and what lies in the past may be still to come.
    """
    known = state.next if len(state.next) == len(config.values) else (0,) * len(config.values)
    next_elapses = list(known)
    disabled = set(state.disabled)
    realtime: list[int] = []
    monotonic: list[int] = []
    for number, (base, value) in enumerate(config.values):
        if number in disabled:
            continue
        if base == CALENDAR:
            found = _next_event(config, state, context, other, is_active, value)
            if found is not None:
                next_elapses[number] = found
                realtime.append(found)
            continue
        begin = _base(base, state, context, other, is_active)
        if begin is None:
            continue
        elapse = next_elapses[number] = min(begin + value, INFINITY)
        if base in _ONCE and any(state.last_trigger) and not clock_was_set and elapse < context.now:
            disabled.add(number)
        else:
            monotonic.append(elapse)
    return Plan(
        tuple(next_elapses),
        tuple(sorted(disabled)),
        _with_delay(config, context, min(realtime)) if realtime else None,
        _with_delay(config, context, min(monotonic)) if monotonic else None,
        any(
            base in (UNIT_ACTIVE, UNIT_INACTIVE) and number not in disabled
            for number, (base, _) in enumerate(config.values)
        ),
    )


def _next_event(
    config: TimerConfig, state: TimerState, context: Context, other: Other, is_active: bool, specification: str
) -> Optional[int]:
    """When a calendar event comes next after the timer has elapsed last, or was started; but not before the boot, so
    that what was missed before is delayed like what is on time."""
    assert context.dates is not None
    ended = other.stamps.get("InactiveEnter", (0, 0))[0]
    if config.defer_reactivation and ended:
        after = max(ended, state.last_trigger[0])
    elif state.last_trigger[0]:
        after = state.last_trigger[0]
    else:
        after = state.since[0] if is_active else context.realtime
    found = context.dates.next_elapse(specification, after)
    booted = context.realtime - (context.now - context.boot[1])
    return None if found is None else max(found, booted)


def _base(base: str, state: TimerState, context: Context, other: Other, is_active: bool) -> Optional[int]:
    """What a time span counts from; None: that has not happened yet."""
    if base == ACTIVE:
        return state.since[1] if is_active else context.now
    if base in (BOOT, STARTUP):
        return context.boot[1]  # in a container they are the same
    changed = other.stamps.get("InactiveExit" if base == UNIT_ACTIVE else "InactiveEnter", (0, 0))[1]
    return max(changed, state.last_trigger[1]) or None


def _with_delay(config: TimerConfig, context: Context, elapse: int) -> int:
    """The time with RandomizedDelaySec=."""
    if not config.random_delay or elapse >= INFINITY:
        return elapse
    if config.fixed_random_delay:
        assert context.dates is not None
        delay = context.dates.fixed_random(config.unit) % config.random_delay
    else:
        delay = int(context.random * config.random_delay)
    return min(elapse + delay, INFINITY - 1)
