"""The sub-states of a socket, and what each means for the unit as a whole (`systemctl --state=help`, systemd 252)."""

from __future__ import annotations

from systemctl_replacement.units.states import ACTIVATING, ACTIVE, DEACTIVATING, FAILED, INACTIVE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

SOCKET_ACTIVE_STATE: Final[dict[str, str]] = {
    "dead": INACTIVE,
    "start-pre": ACTIVATING,
    "start-chown": ACTIVATING,
    "start-post": ACTIVATING,
    "listening": ACTIVE,
    "running": ACTIVE,
    "stop-pre": DEACTIVATING,
    "stop-pre-sigterm": DEACTIVATING,
    "stop-pre-sigkill": DEACTIVATING,
    "stop-post": DEACTIVATING,
    "final-sigterm": DEACTIVATING,
    "final-sigkill": DEACTIVATING,
    "failed": FAILED,
}

DOWN: Final = frozenset({"dead", "failed"})
UP: Final = frozenset({"listening", "running"})
STARTING: Final = frozenset({"start-pre", "start-chown", "start-post"})
STOPPING: Final = frozenset(
    {"stop-pre", "stop-pre-sigterm", "stop-pre-sigkill", "stop-post", "final-sigterm", "final-sigkill"}
)
KILLING: Final = frozenset({"stop-pre-sigterm", "stop-pre-sigkill"})
FINAL: Final = frozenset({"final-sigterm", "final-sigkill"})
# In these the ports are there; ExecStopPost= runs when they are closed.
OPEN: Final = frozenset({"start-chown", "start-post", *UP, "stop-pre", *KILLING})

# Where a service that a socket starts has nothing to do with what has come in, so that the socket listens again.
SERVICE_GONE: Final = frozenset({"dead", "failed", "final-sigterm", "final-sigkill", "auto-restart"})
# And where a socket may be started: nobody else listens in its place.
SERVICE_DOWN: Final = frozenset({"dead", "failed", "auto-restart"})
