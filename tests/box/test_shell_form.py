"""`CMD systemctl …` without brackets: PID 1 is a shell that ends with us, and that no signal reaches."""

from __future__ import annotations

import pytest

from tests.box.harness import Box
from tests.box.test_main_job import enabled

FILES = enabled("on.service", "[Service]\nExecStart=/bin/sleep infinity\n")
TOLD = "PID 1 is a shell"


def shell(script: str) -> list[str]:
    return ["/bin/sh", "-c", script]


@pytest.mark.parametrize("verb", ["start on", "stop on"])
def test_a_verb_says_that_the_container_ends(verb: str) -> None:
    with Box(init=shell(f"systemctl {verb}"), files=FILES) as box:
        assert box.wait() == 0
        instead = '"start", "on"' if verb == "start on" else '"init"'
        assert f'write CMD ["systemctl", {instead}], or \'exec systemctl ' in box.console
        assert box.console.count(TOLD) == 1


def test_an_init_says_that_no_signal_reaches_it() -> None:
    with Box(init=shell("systemctl init"), files=FILES) as box:
        assert box.wait_booted() == "running"
        box.wait_said("Startup finished")
        lines = [line for line in box.console.splitlines() if TOLD in line]
        assert len(lines) == 1 and 'Write CMD ["systemctl", "init"], or \'exec systemctl init\'.' in lines[0]


@pytest.mark.parametrize(
    "script",
    [
        "systemctl start on && touch /run/done; sleep infinity",
        "systemctl start on; exec systemctl init",
        "exec systemctl init",
    ],
)
def test_an_entry_point_that_goes_on_is_told_nothing(script: str) -> None:
    with Box(init=shell(script), files=FILES) as box:
        box.wait_for(lambda: box.run("systemctl is-active on").stdout == "active\n")
        box.run("systemctl restart on; sh -c 'systemctl restart on'", check=True)
        assert TOLD not in box.console
