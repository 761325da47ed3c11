"""What the log says of the end of a unit, whatever its type."""

from __future__ import annotations

from systemctl_replacement.log_levels import LOG_INFO, LOG_WARNING
from systemctl_replacement.message_ids import UNIT_FAILURE_RESULT, UNIT_SKIPPED, UNIT_SUCCESS
from systemctl_replacement.units.events import Log
from systemctl_replacement.units.states import SKIP_CONDITION, SUCCESS


def end_line(result: str) -> Log:
    """The line about a unit that has gone down with this result."""
    if result == SUCCESS:
        return Log(LOG_INFO, "Deactivated successfully.", fields=(("MESSAGE_ID", UNIT_SUCCESS),))
    told = ("UNIT_RESULT", result)
    if result == SKIP_CONDITION:
        return Log(LOG_INFO, f"Skipped due to '{result}'.", fields=(("MESSAGE_ID", UNIT_SKIPPED), told))
    return Log(LOG_WARNING, f"Failed with result '{result}'.", fields=(("MESSAGE_ID", UNIT_FAILURE_RESULT), told))
