"""What units may ask about dates: when calendar events come, in the time zones of the system (systemd.time(7))."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Optional

    from systemctl_replacement.calendar.event import Calendar

# What systemd derives FixedRandomDelay= with, so that a machine's timers are where they were under it.
_KEY = bytes.fromhex("510adb76295142c28035eae68e3a37bd")

# A unit may be written anew with other events again and again.
_MOST_PARSED = 1000


class SystemDates:
    """The answers of units/dates.py for one system. machine_id: that of machine-id(5), "" if it has none."""

    def __init__(self, machine_id: Callable[[], str]) -> None:
        self._machine_id = machine_id
        self._parsed: dict[str, Calendar] = {}

    def next_elapse(self, specification: str, after: int) -> Optional[int]:
        from systemctl_replacement.calendar import elapse  # many a system has no such timer

        try:
            calendar = self._calendar(specification)
            return elapse.next_elapse(calendar, after, elapse.zone_of(calendar))
        except (OSError, ValueError):  # as CalendarError is; or its time zone is not installed any more
            return None

    def _calendar(self, specification: str) -> Calendar:
        found = self._parsed.get(specification)
        if found is None:
            import time

            from systemctl_replacement.calendar import event

            if len(self._parsed) >= _MOST_PARSED:
                self._parsed.clear()
            found = self._parsed[specification] = event.parse(specification, time.tzname)
        return found

    def fixed_random(self, unit: str) -> int:
        from systemctl_replacement.siphash import siphash24

        machine = self._machine_id().replace("-", "")
        identity = bytes.fromhex(machine) if len(machine) == 32 else bytes(16)
        uid = os.getuid().to_bytes(4, "little")
        return siphash24(identity + b"\x01" + uid + os.fsencode(unit), _KEY)

    def shown(self, when: int) -> str:
        import time

        return time.strftime("%a %Y-%m-%d %H:%M:%S %Z", time.localtime(when // 1_000_000))
