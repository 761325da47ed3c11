"""The exit status of PID 1: out of all that a halt knows when it ends, what counts (docs/container.md, "Exit status").

Pure, and the one place that knows the order. A halt notes what it learns under these names; each is a number from 0
to 255.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ASKED = "asked"  # `systemctl exit N`
REFUSED = "refused"  # what the command line names cannot be started
ACTION = "action"  # SuccessAction=exit or FailureAction=exit of a unit
COMMAND = "command"  # the foreground command, with whose end the halt began
FORCED = "forced"  # processes had to be killed
REBOOT = "reboot"  # a reboot or kexec was requested
UNITS = "units"  # the units that the command line names have ended

# What counts most comes first.
PRECEDENCE = (ASKED, REFUSED, ACTION, COMMAND, FORCED, REBOOT, UNITS)

# As timeout(1), and as systemd-nspawn when its container reboots.
FORCED_STATUS = 124
REBOOT_STATUS = 133

# What a halt is that nothing else is known of.
IN_ORDER = 0

_MEANING = {
    ASKED: "as asked by systemctl exit",
    REFUSED: "what init was to start cannot be started",
    ACTION: "as SuccessAction= or FailureAction= of a unit says",
    COMMAND: "as the command that init was to run",
    FORCED: "processes had to be killed",
    REBOOT: "a reboot was requested",
    UNITS: "the units that init was started for have ended",
}


def final_status(known: Mapping[str, int]) -> int:
    """The exit status of a halt of which this is known."""
    reason = _deciding(known)
    return known[reason] if reason else IN_ORDER


def meaning(known: Mapping[str, int]) -> str:
    """Why it is that one, in words; "" for a halt in order."""
    return _MEANING.get(_deciding(known), "")


def _deciding(known: Mapping[str, int]) -> str:
    return next((reason for reason in PRECEDENCE if reason in known), "")


def status_of_units(ends: Sequence[tuple[bool, int, int]]) -> int:
    """What the ends of the units that the command line names come to, each (whether it failed, exit status, when):
    the status of the first that failed, or of the last to end."""
    failed = [end for end in ends if end[0]]
    if failed:
        return min(failed, key=_when)[1]
    return max(ends, key=_when, default=(False, IN_ORDER, 0))[1]


def _when(end: tuple[bool, int, int]) -> int:
    return end[2]
