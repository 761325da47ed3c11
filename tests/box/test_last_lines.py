"""The last lines are in the container's log: at the end of a halt, and when everything but PID 1 was killed."""

from __future__ import annotations

import pytest

from tests.box.harness import Box

DIRECTORY = "/etc/systemd/system"
SAYS_BYE = (
    '[Service]\nExecStart=/bin/sh -c \'trap "echo bye from %p; exit 0" TERM; touch /run/%p; '
    "while :; do sleep .05; done'\n"
)
NAMES = [f"a{number}" for number in range(5)]


def started(box: Box) -> None:
    box.wait_booted()
    box.run(["systemctl", "start", *NAMES], check=True)
    for name in NAMES:
        box.wait_for(lambda name=name: box.exists(f"/run/{name}"), what=name)  # type: ignore[misc]


@pytest.mark.parametrize("output", ["a pipe", "a terminal", "a file"])
@pytest.mark.parametrize("how", ["SIGTERM", "systemctl exit"])
def test_the_last_lines_of_a_halt_are_shown(output: str, how: str) -> None:
    init = ["/usr/bin/systemctl", "init", "--show-status=full"]
    if output == "a file":
        init = ["/bin/sh", "-c", f"exec {' '.join(init)} >/var/output 2>&1"]
    files = {f"{DIRECTORY}/{name}.service": SAYS_BYE for name in NAMES}
    with Box(files=files, init=init, tty=output == "a terminal") as box:
        started(box)
        if how == "SIGTERM":
            box.signal(15)
        else:
            box.run("systemctl exit")
        assert box.wait() == 0
        expected = [line for name in NAMES for line in (f"bye from {name}\n", f"Stopped {name}.service.\n")]
        expected.append(f"Reached target {'poweroff' if how == 'SIGTERM' else 'exit'}.target")

        def missing() -> list[str]:
            shown = box.read("/var/output") if output == "a file" else box.console.replace("\r", "")
            return [line for line in expected if line not in shown]

        # What PID 1 has written to a pipe or terminal stays there for a slower reader.
        box.wait_for(lambda: not missing(), what=f"what lacks: {missing()}")


def test_what_was_said_before_everything_was_killed_is_shown() -> None:
    files = {
        f"{DIRECTORY}/talk.service": "[Service]\nExecStart=/bin/sh -c 'read x </run/fifo; echo my last words; "
        "touch /run/said; exec sleep 1000'\n",
        f"{DIRECTORY}/x.service": "[Service]\nExecStart=/bin/sleep 1000\n",
    }
    with Box(files=files) as box:
        box.wait_booted()
        box.run("mkfifo /run/fifo; systemctl start talk x", check=True)
        box.sole("supervisor: talk.service").suspend()  # so that it has not read what is in the pipe
        box.run("echo go >/run/fifo; until [ -e /run/said ]; do sleep 0.01; done; kill -9 -1")
        box.wait_for(lambda: box.run("systemctl is-failed talk x").stdout == "failed\nfailed\n")
        box.wait_for(lambda: "]: my last words\n" in box.console)
        for unit in ("talk.service", "x.service"):
            for line in ("Main process exited, code=killed, status=9/KILL", "Failed with result 'signal'."):
                box.wait_for(lambda: f"{unit}: {line}\n" in box.console, what=f"{unit}: {line}")  # noqa: B023
        box.signal(15)
        assert box.wait() == 0
        box.wait_for(lambda: "Halting (poweroff by SIGTERM)" in box.console)
