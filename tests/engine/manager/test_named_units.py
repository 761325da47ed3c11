"""A container that was started for some units ends with them, and with their status."""

from __future__ import annotations

import pytest

from tests.engine.manager.engine import Engine, wait_for

ONCE = "[Service]\nType=oneshot\n"
FAILS = f"{ONCE}ExecStart=/bin/sh -c 'exit 3'\n"
LATER = "[Unit]\nAfter=a.service\n"
STAYS = "[Service]\nExecStart=/bin/sleep 1000\n"
WAITS = "[Service]\nExecStart=/bin/sh -c 'until [ -e @ROOT@/go ]; do sleep 0.05; done; exit %s'\n"


def ending(units: dict[str, str], *boot: str) -> Engine:
    return Engine(units, boot=boot, keep_running=False)


def ended(services: dict[str, str], *words: str) -> tuple[int, list[str], str]:
    """Boot for services until the manager ends by itself: its exit status, what they noted, its output."""
    units = {f"{name}.service": text for name, text in services.items()}
    with ending(units, *words, *(name for name in services if not name.startswith("_"))) as e:
        return e.wait_ended(), e.noted(), e.text()


@pytest.mark.parametrize(
    ("services", "status"),
    [
        ({"a": f"{ONCE}ExecStart=/bin/true\n"}, 0),
        ({"a": "[Service]\nExecStart=/bin/sh -c 'kill -9 $$$$'\n"}, 137),
        ({"a": "[Service]\nExecStart=/bin/sh -c 'kill -15 $$$$'\n"}, 0),
        ({"a": "[Service]\nExecStart=/nonexistent\n"}, 203),
        ({"a": f"{ONCE}ExecStartPre=/bin/false\nExecStart=/bin/true\n"}, 1),
        # The first that failed, the last of those that succeeded.
        ({"a": FAILS, "b": f"{LATER}{ONCE}ExecStart=/bin/sh -c 'exit 4'\n"}, 3),
        ({"a": FAILS, "b": f"{LATER}{ONCE}ExecStart=/bin/true\n"}, 3),
        (
            {
                "a": f"{ONCE}SuccessExitStatus=5\nExecStart=/bin/sh -c 'exit 5'\n",
                "b": f"{LATER}{ONCE}SuccessExitStatus=6\nExecStart=/bin/sh -c 'exit 6'\n",
            },
            6,
        ),
        # Units that are never started: skipped, and failed with what they need.
        ({"a": f"[Unit]\nConditionPathExists=/nonexistent\n{STAYS}"}, 0),
        ({"a": f"[Unit]\nRequires=_b.service\nAfter=_b.service\n{STAYS}", "_b": FAILS}, 1),
    ],
)
def test_the_status_of_the_units(services: dict[str, str], status: int) -> None:
    assert ended(services)[0] == status


def test_one_that_is_not_started_says_why() -> None:
    unit = f"[Unit]\nConditionPathExists=/nonexistent\n{STAYS}"
    status, _, text = ended({"a": unit})
    assert status == 0
    assert "a.service was skipped because of an unmet condition check (ConditionPathExists=/nonexistent)." in text


DEAF = "[Service]\nExecStart=/bin/sh -c 'trap \"\" TERM; touch @ROOT@/up; while :; do sleep 0.1; done'\n"


@pytest.mark.parametrize(
    ("services", "words", "status"),
    [
        ({"a": f"[Unit]\nFailureAction=exit\nFailureActionExitStatus=9\n{FAILS}"}, [], 9),
        ({"a": f"[Unit]\nFailureAction=reboot\n{FAILS}"}, [], 133),
        (
            {
                "a": f"[Unit]\nWants=_deaf.service\n{ONCE}"
                "ExecStart=/bin/sh -c 'until [ -e @ROOT@/up ]; do sleep 0.05; done; exit 3'\n",
                "_deaf": DEAF,
            },
            ["--stop-timeout=1"],
            124,
        ),
    ],
)
def test_what_counts_more(services: dict[str, str], words: list[str], status: int) -> None:
    assert ended(services, *words)[0] == status


def test_what_their_end_starts_is_awaited() -> None:
    reports = f"{ONCE}ExecStart=/bin/sh -c 'sleep 0.3; echo reported >>@ROOT@/notes'\n"
    status, notes, text = ended({"a": f"[Unit]\nOnFailure=_report.service\n{FAILS}", "_report": reports})
    assert (status, notes) == (3, ["reported"])
    assert "All that init was started for has ended: a.service with status 3." in text


@pytest.mark.parametrize(("burst", "status"), [(3, 7), (9, 0)])
def test_one_that_is_restarted_has_not_ended(burst: int, status: int) -> None:
    unit = (
        f"[Unit]\nStartLimitBurst={burst}\n[Service]\nRestart=on-failure\nRestartSec=50ms\n"
        "ExecStart=/bin/sh -c 'echo run >>@ROOT@/notes; [ $(wc -l <@ROOT@/notes) = 5 ] || exit 7'\n"
    )
    assert ended({"a": unit})[:2] == (status, ["run"] * min(burst, 5))


def test_a_halt_that_was_asked_for_has_its_own_status() -> None:
    with ending({"a.service": FAILS, "b.service": STAYS}, "a", "b") as e:
        e.wait_sub("a.service", "failed")
        assert e.halt() == 0


@pytest.mark.parametrize(
    "boot", [("--keep-running", "a"), ("a", "t.target"), ("a", "c"), ("--unit=a.service",)], ids=" ".join
)
def test_what_keeps_it_running(boot: tuple[str, ...]) -> None:
    units = {
        "a.service": f"{ONCE}ExecStart=/bin/sh -c 'exit 3'\n",
        "t.target": "[Unit]\n",
        "c.service": f"{ONCE}RemainAfterExit=yes\nExecStart=/bin/true\n",
        "after.service": f"{ONCE}ExecStart=/bin/true\n",
    }
    with ending(units, *boot) as e:
        e.wait_sub("a.service", "failed")
        assert e.run("start", "after.service") == "done"
        assert e.call("SystemState", wait=True)["state"] == "degraded"
        if boot == ("a", "c"):
            assert e.run("stop", "c.service") == "done"
            assert e.wait_ended() == 3
        else:
            assert e.halt() == 0


def test_isolating_another_unit_keeps_it_running() -> None:
    units = {"a.service": f"{STAYS}KillSignal=SIGKILL\n", "b.service": f"[Unit]\nAllowIsolate=yes\n{STAYS}"}
    with ending(units, "a") as e:
        e.wait_sub("a.service", "running")
        e.call("Enqueue", operation="start", names=["b.service"], mode="isolate", wait=False)
        e.wait_sub("a.service", "failed")
        e.wait_idle()
        assert e.halt() == 0, "it has ended with a.service, with 137"


def test_ends_are_remembered_over_a_reexecution() -> None:
    units = {"a.service": FAILS, "b.service": WAITS % 0, "c.service": WAITS % 4}
    with ending(units, "a", "b", "c") as e:
        e.wait_sub("a.service", "failed")
        e.reexecute()
        (e.root / "go").touch()
        assert e.wait_ended() == 3


def test_what_is_asked_for_later_counts_more() -> None:
    slow = f"{STAYS}ExecStop=/bin/sh -c 'until [ -e @ROOT@/late ]; do sleep 0.05; done'\n"
    with ending({"a.service": WAITS % 3, "b.service": slow}, "a") as e:
        assert e.run("start", "b.service") == "done"
        (e.root / "go").touch()
        wait_for(lambda: "Halting (exit)" in e.text(), "the halt")
        for status in (7, 42, None):
            e.call("Halt", verb="exit", exit_status=status, force=0)
        (e.root / "late").touch()
        assert e.wait_ended() == 42
