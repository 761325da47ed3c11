"""The names of active states and results.

Sources: `systemctl --state=help` of systemd 252, systemd.service(5), org.freedesktop.systemd1(5).
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final


ACTIVE: Final = "active"
RELOADING: Final = "reloading"
INACTIVE: Final = "inactive"
FAILED: Final = "failed"
ACTIVATING: Final = "activating"
DEACTIVATING: Final = "deactivating"

ACTIVE_OR_RELOADING: Final = frozenset({ACTIVE, RELOADING})
INACTIVE_OR_FAILED: Final = frozenset({INACTIVE, FAILED})

# What the property Result says.
SUCCESS: Final = "success"
RESOURCES: Final = "resources"
PROTOCOL: Final = "protocol"
TIMEOUT: Final = "timeout"
EXIT_CODE: Final = "exit-code"
SIGNAL: Final = "signal"
CORE_DUMP: Final = "core-dump"
WATCHDOG: Final = "watchdog"
START_LIMIT_HIT: Final = "start-limit-hit"
TRIGGER_LIMIT_HIT: Final = "trigger-limit-hit"
SERVICE_START_LIMIT_HIT: Final = "service-start-limit-hit"
UNIT_START_LIMIT_HIT: Final = "unit-start-limit-hit"
SKIP_CONDITION: Final = "exec-condition"
