"""What is made of what supervisors report."""

from __future__ import annotations

import os
from typing import Any

import pytest

from systemctl_replacement.supervision.reports import report
from systemctl_replacement.supervision.unit_processes import Tracking
from systemctl_replacement.units.events import Event, Exited

STAMP = (7, 8)


def told(tracking: Tracking, pid: int, **fields: Any) -> list[Event]:
    """What the machine hears of the end of a process that is not the supervisor's child."""
    events: list[Event] = []
    message = {"ev": "exited", "pid": pid, "code": "exited", "status": 0, "time": STAMP, "token": None, "last": True}
    report(tracking, {**message, "unseen": True, **fields}, lambda _unit, event: events.append(event), lambda *_: None)
    return events


@pytest.mark.parametrize(("status", "end"), [(3 << 8, ("exited", 3)), (9, ("killed", 9))])
def test_how_a_child_of_ours_ended_is_known_though_a_supervisor_only_sees_that_it_did(
    status: int, end: tuple[str, int]
) -> None:
    tracking = Tracking("x.service")
    tracking.main = 4711
    assert tracking.note_ends({4711: (0, status, (1, 2))})
    assert told(tracking, 4711) == [Exited(4711, *end, STAMP, last=True)]
    assert not tracking.has_strays, "it is told once"


def test_a_child_of_ours_may_not_have_been_reaped_yet() -> None:
    if (pid := os.fork()) == 0:
        os._exit(3)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert told(Tracking("x.service"), pid) == [Exited(pid, "exited", 3, STAMP, last=True)]
    os.waitpid(pid, 0)


def test_the_end_of_a_child_of_somebody_else_is_a_success() -> None:
    assert told(Tracking("x.service"), os.getppid()) == [Exited(os.getppid(), "exited", 0, STAMP, last=True)]
