"""How the processes of a unit are killed, and what is removed after them, whatever its kind (systemd.kill(5),
systemd.exec(5))."""

from __future__ import annotations

from systemctl_replacement.records import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


@dataclass(frozen=True)
class KillSettings:
    """The settings of systemd.kill(5), with the defaults of their directives; a kind adds its own."""

    kill_mode: str = "control-group"
    kill_signal: int = 15
    restart_kill_signal: int = 15
    final_kill_signal: int = 9
    watchdog_signal: int = 6
    send_sighup: bool = False
    send_sigkill: bool = True


def kill_settings(get: Callable[[str], Any]) -> dict[str, Any]:
    """The fields of KillSettings, from the directives of a unit's own section."""
    return {
        "kill_mode": get("KillMode"),
        "kill_signal": get("KillSignal"),
        "restart_kill_signal": get("RestartKillSignal") or get("KillSignal"),
        "final_kill_signal": get("FinalKillSignal"),
        "watchdog_signal": get("WatchdogSignal"),
        "send_sighup": get("SendSIGHUP"),
        "send_sigkill": get("SendSIGKILL"),
    }


@dataclass(frozen=True)
class ExecSettings(KillSettings):
    """Those settings of systemd.exec(5) that matter when the processes are gone."""

    has_credentials: bool = False
    preserve_directories: str = "yes"  # RuntimeDirectoryPreserve=; yes also if there are none


def exec_settings(get: Callable[[str], Any]) -> dict[str, Any]:
    """The fields of ExecSettings, from the directives of a unit's own section."""
    return {
        **kill_settings(get),
        "has_credentials": any(get(name) for name in ("LoadCredential", "ImportCredential", "SetCredential")),
        "preserve_directories": get("RuntimeDirectoryPreserve") if get("RuntimeDirectory") else "yes",
    }
