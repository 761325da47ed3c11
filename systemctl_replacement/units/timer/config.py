"""What a timer is told by its unit file (systemd.timer(5))."""

from __future__ import annotations

from systemctl_replacement.records import dataclass
from systemctl_replacement.unitfile.infinity import INFINITY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from systemctl_replacement.unitfile.load import Unit
    from systemctl_replacement.unitfile.manager_config import ManagerConfig

CALENDAR = "OnCalendar"
ACTIVE, BOOT, STARTUP = "OnActiveSec", "OnBootSec", "OnStartupSec"
UNIT_ACTIVE, UNIT_INACTIVE = "OnUnitActiveSec", "OnUnitInactiveSec"

_STAMPS = "/var/lib/systemd/timers"


@dataclass(frozen=True)
class TimerConfig:
    """values: (directive, what it says) in the order of the file: of OnCalendar= an event in normal form, of the others
    a time span. stamp: the path of the file that says when the timer last elapsed, "" without Persistent=. Spans are in
    microseconds."""

    unit: str
    values: tuple[tuple[str, Any], ...] = ()
    accuracy: int = 60_000_000
    random_delay: int = 0
    fixed_random_delay: bool = False
    on_clock_change: bool = False
    on_timezone_change: bool = False
    stamp: str = ""
    remain_after_elapse: bool = True
    defer_reactivation: bool = False


def from_unit(file: Unit, manager: ManagerConfig) -> TimerConfig:
    """The configuration from a loaded unit file."""

    def get(directive: str) -> Any:
        return file.get("Timer", directive)

    accuracy = get("AccuracySec")
    return TimerConfig(
        unit=file.id,
        values=tuple([(base, min(value, INFINITY) if base != CALENDAR else value) for base, value in get("Timers")]),
        accuracy=manager.default_timer_accuracy if accuracy is None else accuracy,
        random_delay=get("RandomizedDelaySec"),
        fixed_random_delay=get("FixedRandomDelay"),
        on_clock_change=get("OnClockChange"),
        on_timezone_change=get("OnTimezoneChange"),
        stamp=f"{_STAMPS}/stamp-{file.id}" if get("Persistent") else "",
        remain_after_elapse=get("RemainAfterElapse"),
        defer_reactivation=get("DeferReactivation"),
    )
