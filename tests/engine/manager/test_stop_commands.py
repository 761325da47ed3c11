"""What ExecStop= and ExecStopPost= come to when a halt runs out of time (in time: tests/box/test_stop_commands.py)."""

from __future__ import annotations

import pytest

from tests.engine.manager.engine import Engine, wait_for

DEAF = (
    "[Service]\nTimeoutStopSec=60\n"
    "ExecStart=/bin/sh -c 'trap \"\" TERM; echo $$$$ >@ROOT@/pid; echo up >@ROOT@/notes; while :; do sleep 0.1; done'\n"
    "ExecStopPost=/bin/sh -c '[ -e /proc/$(cat @ROOT@/pid) ] || echo gone >>@ROOT@/notes'\n"
)
GIVEN_UP = "Not done, for want of time: "


@pytest.mark.parametrize(
    ("more", "notes", "given_up"),
    [
        ("ExecStopPost=/bin/sh -c 'echo closed >>@ROOT@/notes'\n", ["gone", "closed"], ""),
        ("ExecStopPost=/bin/sleep 60\n", ["gone"], "ExecStopPost= of deaf.service."),
    ],
)
def test_after_sigkill_the_rest_of_the_time_is_for_exec_stop_post(more: str, notes: list[str], given_up: str) -> None:
    with Engine({"deaf.service": DEAF + more}, boot=("--stop-timeout=2", "deaf")) as e:
        wait_for(lambda: e.noted() == ["up"], "the service")
        assert e.halt() == 124
        assert e.noted()[1:] == notes
        assert e.text().partition(GIVEN_UP)[2].partition("\n")[0] == given_up
