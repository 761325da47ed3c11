"""The halt: what takes part in it, and that it ends in time."""

from __future__ import annotations

import json
import time

import pytest

from tests.box.harness import Box
from tests.box.test_main_job import enabled

DIRECTORY = "/etc/systemd/system"
SAYS_TERM = (
    "ExecStart=/bin/sh -c 'trap \"echo TERM >/var/%p; exit 0\" TERM; touch /run/%p; while :; do sleep .05; done'\n"
)
IS_DEAF = "ExecStart=/bin/sh -c 'trap \"\" TERM; touch /run/%p; while :; do sleep 1; done'\n"


def started(box: Box, *names: str) -> None:
    """Start services and wait until their programs run."""
    box.wait_booted()
    box.run(["systemctl", "start", *names], check=True)
    for name in names:
        box.wait_for(lambda name=name: box.exists(f"/run/{name}"), what=name)  # type: ignore[misc]


# Asks for a halt, reads the answer, and takes a while to end.
CLIENT = """\
import socket, sys, time
client = socket.socket(socket.AF_UNIX)
client.connect("/run/systemd/systemctl-replacement.socket")
client.sendall(sys.argv[1].encode() + b"\\0")
while not client.recv(65536).endswith(b"\\0"):
    pass
client.close()
time.sleep(float(sys.argv[2]))
"""
MANAGER = "io.systemctl-replacement.Manager"
REQUESTS = (
    {"method": f"{MANAGER}.Halt", "parameters": {"verb": "poweroff"}},
    {"method": f"{MANAGER}.Halt", "parameters": {"verb": "poweroff", "force": 1}},
    {
        "method": f"{MANAGER}.Enqueue",
        "parameters": {"operation": "start", "names": ["poweroff.target"], "mode": "replace", "wait": False},
    },
)


@pytest.mark.parametrize("request_", REQUESTS, ids=["halt", "by force", "the target"])
def test_who_asked_for_a_halt_may_end_by_itself(request_: object) -> None:
    with Box(files={"/client.py": CLIENT}) as box:
        box.wait_booted()
        asked = box.popen(["/usr/bin/python3", "/client.py", json.dumps(request_), "0.5"])
        assert asked.wait(10) == 0
        assert box.wait(10) == 0


def test_but_not_stay() -> None:
    with Box(files={"/client.py": CLIENT}) as box:
        box.wait_booted()
        asked = box.popen(["/usr/bin/python3", "/client.py", json.dumps(REQUESTS[0]), "1000"])
        begin = time.monotonic()
        assert box.wait(10) == 0
        assert time.monotonic() - begin < 5
        assert asked.wait(10) != 0


def test_services_without_default_dependencies_are_terminated_too() -> None:
    unit = f"[Unit]\nDefaultDependencies=no\n[Service]\n{SAYS_TERM}"
    for command in ("kill -TERM 1", "systemctl poweroff", "systemctl start --no-block poweroff.target"):
        with Box(files={f"{DIRECTORY}/early.service": unit}) as box:
            started(box, "early")
            box.run(command, check=True)
            assert box.wait() == 0
            assert box.read("/var/early") == "TERM\n", command


def test_a_deaf_service_is_killed_before_the_engine_would_kill_everything() -> None:
    files = {
        **enabled("deaf.service", f"[Service]\n{IS_DEAF}"),
        **enabled("good.service", f"[Service]\n{SAYS_TERM}ExecStop=/bin/sh -c 'echo stop >/var/stop'\n"),
    }
    with Box(files=files, init=["/usr/bin/systemctl", "init", "--stop-timeout=5"]) as box:
        started(box, "deaf", "good")
        begin = time.monotonic()
        box.signal(15)
        assert box.wait() == 124  # docs/container.md: SIGKILL was needed
        assert time.monotonic() - begin < 5
        assert box.read("/var/good") == "TERM\n"
        assert box.read("/var/stop") == "stop\n"


def test_a_service_enabled_and_started_in_the_running_box_takes_part() -> None:
    with Box() as box:
        box.wait_booted()
        box.write(f"{DIRECTORY}/late.service", f"[Service]\n{SAYS_TERM}[Install]\nWantedBy=multi-user.target\n")
        box.run("systemctl enable --now late", check=True)
        box.wait_for(lambda: box.exists("/run/late"))
        box.signal(15)
        assert box.wait() == 0
        assert box.read("/var/late") == "TERM\n"


def test_the_state_is_stopping_also_when_the_target_was_started_like_any_unit() -> None:
    with Box(files={f"{DIRECTORY}/deaf.service": f"[Service]\nTimeoutStopSec=2\n{IS_DEAF}"}) as box:
        started(box, "deaf")
        box.run("systemctl start --no-block poweroff.target", check=True)
        assert box.run("systemctl is-system-running").stdout == "stopping\n"
        assert box.wait() == 0
