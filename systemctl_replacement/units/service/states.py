"""The sub-states of a service, and what each means for the unit as a whole (`systemctl --state=help`, systemd 252)."""

from __future__ import annotations

from systemctl_replacement.units.states import (
    ACTIVATING,
    ACTIVE,
    DEACTIVATING,
    FAILED,
    INACTIVE,
    RELOADING,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

# The sub-states of a service, each with the active state it stands for.
SERVICE_ACTIVE_STATE: Final[dict[str, str]] = {
    "dead": INACTIVE,
    "condition": ACTIVATING,
    "start-pre": ACTIVATING,
    "start": ACTIVATING,
    "start-post": ACTIVATING,
    "running": ACTIVE,
    "exited": ACTIVE,
    "reload": RELOADING,
    "reload-signal": RELOADING,
    "reload-notify": RELOADING,
    "stop": DEACTIVATING,
    "stop-watchdog": DEACTIVATING,
    "stop-sigterm": DEACTIVATING,
    "stop-sigkill": DEACTIVATING,
    "stop-post": DEACTIVATING,
    "final-watchdog": DEACTIVATING,
    "final-sigterm": DEACTIVATING,
    "final-sigkill": DEACTIVATING,
    "failed": FAILED,
    "auto-restart": ACTIVATING,
}

# For Type=idle systemd counts a service as started as soon as its command waits to run, so that nothing waits for it.
IDLE_ACTIVE_STATE: Final[dict[str, str]] = {
    **SERVICE_ACTIVE_STATE,
    **dict.fromkeys(("start-pre", "start", "start-post"), ACTIVE),
}

STARTING: Final = frozenset({"condition", "start-pre", "start", "start-post"})
# Reloading: by ExecReload= or on the service's own word; the other two are Type=notify-reload's (systemd 253).
RELOADS: Final = frozenset({"reload", "reload-signal", "reload-notify"})
# The watchdog watches while the service is up.
WATCHED: Final = frozenset({"start-post", "running", *RELOADS})
STOPPING: Final = frozenset(
    {
        "stop",
        "stop-watchdog",
        "stop-sigterm",
        "stop-sigkill",
        "stop-post",
        "final-watchdog",
        "final-sigterm",
        "final-sigkill",
    }
)
# Between two states: a process of the unit has something to do.
CHANGING: Final = STARTING | RELOADS | STOPPING
KILLING: Final = frozenset({"stop-watchdog", "stop-sigterm", "stop-sigkill"})
FINAL: Final = frozenset({"final-watchdog", "final-sigterm", "final-sigkill"})
