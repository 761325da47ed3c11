"""Whether a service comes back after its end, and what others are told of that.

Source: systemd.service(5), the table "Exit causes and the effect of the Restart= settings".
"""

from __future__ import annotations

from systemctl_replacement import signals
from systemctl_replacement.unitfile.values import INFINITY
from systemctl_replacement.units.commands.exit import matches
from systemctl_replacement.units.service.config import ServiceConfig
from systemctl_replacement.units.service.state import ServiceState
from systemctl_replacement.units.states import (
    CORE_DUMP,
    EXIT_CODE,
    SIGNAL,
    SKIP_CONDITION,
    SUCCESS,
    WATCHDOG,
)


def end_variables(state: ServiceState, code: str, status: str) -> tuple[str, ...]:
    """How the main process ended, as environment variables of these names; none while it has not."""
    end = state.main_status
    if not end.code:
        return ()
    text = str(end.status) if end.code == "exited" else signals.name(end.status)
    return (f"{code}={end.code}", f"{status}={text}")


def shall_restart(config: ServiceConfig, state: ServiceState) -> bool:
    """Whether a service that just died is started again (Restart= and its two exception lists)."""
    if state.forbid_restart:
        return False
    end = state.main_status
    if end.code and matches(config.restart_prevent, end.code, end.status):
        return False
    if end.code and matches(config.restart_force, end.code, end.status):
        return True
    result = state.result
    wanted = {
        "no": False,
        "always": result != SKIP_CONDITION,
        "on-success": result == SUCCESS,
        "on-failure": result not in (SUCCESS, SKIP_CONDITION),
        "on-abnormal": result not in (SUCCESS, EXIT_CODE, SKIP_CONDITION),
        "on-watchdog": result == WATCHDOG,
        "on-abort": result in (SIGNAL, CORE_DUMP),
    }
    return wanted[config.restart]


def restart_delay(config: ServiceConfig, restarts: int) -> int:
    """The time before the next restart, microseconds: RestartSec=, growing to RestartMaxDelaySec= in RestartSteps=
    steps (systemd 254): geometrically, so that each delay is the same multiple of the one before."""
    first, last, steps = config.restart_usec, config.restart_max_delay_usec, config.restart_steps
    if not first or not steps or not restarts or last == INFINITY or last <= first:
        return first
    if restarts >= steps:
        return last
    return int(first * (last / first) ** (restarts / steps))
