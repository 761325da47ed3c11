"""The exit status of PID 1: the order of docs/container.md, and what the units of the command line come to."""

from __future__ import annotations

from itertools import combinations

import pytest

from systemctl_replacement.manager.halt.final_status import PRECEDENCE, final_status, meaning, status_of_units
from systemctl_replacement.records import replace
from systemctl_replacement.units.commands.state import ExecStatus
from systemctl_replacement.units.service.kind import KIND
from systemctl_replacement.units.service.state import ServiceState

# What docs/container.md says: exit N, cannot be started, an action, the command, killed, reboot, named units.
ORDER = (("asked", 7), ("refused", 5), ("action", 9), ("command", 4), ("forced", 124), ("reboot", 133), ("units", 3))


@pytest.mark.parametrize(("first", "second"), list(combinations(ORDER, 2)), ids=lambda entry: entry[0])
def test_of_two_the_first_counts(first: tuple[str, int], second: tuple[str, int]) -> None:
    assert final_status(dict([first, second])) == final_status(dict([second, first])) == first[1]
    assert meaning(dict([second, first])) == meaning(dict([first]))


def test_all_that_there_is() -> None:
    assert [reason for reason, _ in ORDER] == list(PRECEDENCE)
    assert [final_status({reason: status}) for reason, status in ORDER] == [status for _, status in ORDER]
    assert all(meaning({reason: status}) for reason, status in ORDER)
    assert (final_status({}), meaning({})) == (0, "")
    # Asked for 0, it is 0, whatever else is known.
    assert final_status(dict([*ORDER, ("asked", 0)])) == 0


@pytest.mark.parametrize(
    ("ends", "status"),
    [
        ([], 0),
        ([(False, 0, 1)], 0),
        ([(False, 5, 9), (False, 6, 8)], 5),
        ([(True, 3, 2), (False, 0, 9)], 3),
        ([(True, 4, 7), (True, 3, 2), (False, 6, 1)], 3),
    ],
)
def test_the_first_that_failed_or_the_last(ends: list[tuple[bool, int, int]], status: int) -> None:
    assert status_of_units(ends) == status


@pytest.mark.parametrize(
    ("code", "number", "result", "status"),
    [
        ("", 0, "resources", -1),
        ("exited", 0, "success", 0),
        ("exited", 3, "exit-code", 3),
        ("exited", 143, "success", 143),  # SuccessExitStatus=143
        ("killed", 9, "signal", 137),
        ("dumped", 6, "core-dump", 134),
        ("killed", 15, "success", -1),
    ],
)
def test_how_a_service_has_ended(code: str, number: int, result: str, status: int) -> None:
    state = replace(ServiceState(), result=result, main_status=ExecStatus(code=code, status=number))
    assert KIND.ended_with(state) == status
