"""The time for a halt."""

from __future__ import annotations

from typing import Optional

import pytest

from systemctl_replacement.manager.halt.stop_time import StopTime, last_word_at, stop_time

SECOND = 1_000_000


@pytest.mark.parametrize(
    ("option", "environment", "engine", "expected"),
    [
        (7, {}, "podman", StopTime(7)),
        (None, {"SYSTEMCTL_STOP_TIMEOUT": "20"}, "podman", StopTime(20 * SECOND)),
        (None, {"SYSTEMCTL_STOP_TIMEOUT": "1min 40s"}, "", StopTime(100 * SECOND)),
        (None, {"SYSTEMCTL_STOP_TIMEOUT": ""}, "", None),
        (None, {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, "container-other", StopTime(29 * SECOND, "Kubernetes")),
        (None, {}, "podman", StopTime(9 * SECOND, "Podman")),
        (None, {}, "container-other", StopTime(9 * SECOND, "Docker")),
        (None, {}, "systemd-nspawn", None),
        (None, {}, "docker", StopTime(9 * SECOND, "Docker")),
        (None, {}, "", None),
    ],
)
def test_told_or_guessed(option: Optional[int], environment: dict[str, str], engine: str, expected: object) -> None:
    complaints: list[str] = []
    assert stop_time(option, environment, engine, complaints.append) == expected
    assert not complaints


@pytest.mark.parametrize("told", ["soon", "0", "-1", "infinity", "1e3"])
def test_what_is_no_time_is_said_and_not_used(told: str) -> None:
    complaints: list[str] = []
    environment = {"SYSTEMCTL_STOP_TIMEOUT": told}
    assert stop_time(None, environment, "docker", complaints.append) == StopTime(9 * SECOND, "Docker")
    assert len(complaints) == 1 and told in complaints[0] and "$SYSTEMCTL_STOP_TIMEOUT" in complaints[0]


def test_only_a_time_that_was_told_kills() -> None:
    assert StopTime(30 * SECOND).kill_after == 29 * SECOND
    assert StopTime(30 * SECOND).nears_after == 0
    assert StopTime(1 * SECOND).kill_after == SECOND // 2
    assert StopTime(9 * SECOND, "Docker").kill_after == 0
    assert StopTime(9 * SECOND, "Docker").nears_after == 6 * SECOND


def test_the_end_is_kept_for_sigkill_and_the_last_lines() -> None:
    assert [StopTime(usec).reserve for usec in (30 * SECOND, SECOND)] == [SECOND, SECOND // 2]


def test_the_last_word_is_soon_or_late() -> None:
    assert last_word_at(0, 10 * SECOND) == 8 * SECOND
    assert last_word_at(9 * SECOND, 10 * SECOND) == 9 * SECOND + SECOND // 2
