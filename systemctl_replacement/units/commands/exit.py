"""How the end of a process is judged, and told in the log (systemd.service(5), SuccessExitStatus=)."""

from __future__ import annotations

from systemctl_replacement import exit_status, signals
from systemctl_replacement.unitfile.values import StatusSet
from systemctl_replacement.units.states import CORE_DUMP, EXIT_CODE, SIGNAL, SUCCESS

# Signals that end a daemon cleanly; other commands have no such.
CLEAN_SIGNALS = frozenset({1, 2, 13, 15})  # HUP INT PIPE TERM

NO_STATUS = StatusSet(frozenset(), frozenset())


def matches(statuses: StatusSet, code: str, status: int) -> bool:
    """Whether an end (`code` exited, killed or dumped) is named in a set of exit statuses and signals."""
    return status in (statuses.statuses if code == "exited" else statuses.signals)


def result_of(success: StatusSet, code: str, status: int, daemon: bool) -> str:
    """The result that the end of a process stands for. success: what counts as such besides 0; daemon: it was meant to
    run until it is stopped."""
    if matches(success, code, status):
        return SUCCESS
    if code == "exited":
        return SUCCESS if status == 0 else EXIT_CODE
    if code == "killed":
        return SUCCESS if status in CLEAN_SIGNALS and daemon else SIGNAL
    return CORE_DUMP


def describe(code: str, status: int) -> str:
    """How a process ended, as the log says it: `code=exited, status=1/FAILURE`."""
    text = exit_status.name(status) if code == "exited" else signals.name(status)
    return f"code={code}, status={status}/{text or 'n/a'}"
