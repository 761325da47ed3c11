"""The container contract under real engines: what podman, runc and systemd-nspawn see of us, and what our services see.

One table for all of them. Containers are started together and their ends awaited together, because an engine takes a
second for each.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.box.harness import Box
from tests.box.test_main_job import enabled
from tests.engines.engines import INIT, Container, Nspawn, Podman, Runc, together

SIGRTMIN = 34
# Writes down which signals it gets, and its unit what is run when it has ended.
RECORDER = """\
#!/bin/sh
for name in HUP INT QUIT USR1 USR2; do trap "echo $name >> /record" $name; done
trap "echo TERM >> /record; exit 0" TERM
echo ready >> /record
while :; do sleep 600 & wait; done
"""
UNIT = """\
[Service]
ExecStart=/usr/local/bin/recorder
ExecStop=/bin/sh -c 'echo stopping >> /record'
ExecStopPost=/bin/sh -c 'kill -0 $MAINPID 2>/dev/null || echo ended >> /record'
[Install]
WantedBy=multi-user.target
"""
FAILING = "[Unit]\nFailureAction=exit\n[Service]\nExecStart=/bin/sh -c 'exit 42'\n"
FILES = {
    "/usr/local/bin/recorder": RECORDER,
    "/etc/systemd/system/recorder.service": UNIT,
    "/etc/systemd/system/failing.service": FAILING,
}
IN_ORDER = ["ready", "stopping", "TERM", "ended"]


def recorded(container: Container) -> list[str]:
    """What the recorder has written down."""
    try:
        return container.read("/record").split()
    except FileNotFoundError:
        return []


def start_recorder(container: Container) -> None:
    """Start a container, and wait until its recorder is ready."""
    container.start()
    container.wait_for(lambda: recorded(container)[-1:] == ["ready"], "the recorder")


@dataclass(frozen=True)
class End:
    """A way to end a container: what is done, and the exit status that the engine must report."""

    name: str
    act: Callable[[Container], object]
    status: int = 0


def told(number: int) -> Callable[[Container], object]:
    """The engine's `kill -s`."""
    return lambda container: container.signal(number)


def ordered(command: str) -> Callable[[Container], object]:
    """The engine's `exec`."""
    return lambda container: container.run(command)


EVERYWHERE = (
    End("poweroff", told(SIGRTMIN + 4)),
    End("reboot", ordered("systemctl reboot"), 133),
    End("exit", ordered("systemctl exit 7"), 7),
)
OF_PODMAN = (
    *(End(f"signal{number}", told(number)) for number in (15, 2, 3, 30, SIGRTMIN + 3)),
    End("signal39", told(SIGRTMIN + 5), 133),
    End("failure", ordered("systemctl start failing"), 42),
)


OF_NSPAWN = (
    End("machinectl-reboot", lambda container: container.machine.run(["machinectl", "reboot", container.name]), 133),
    End("machinectl-poweroff", lambda container: container.machine.run(["machinectl", "poweroff", container.name])),
)


@pytest.mark.parametrize(
    ("engine", "ends"), [(Podman, EVERYWHERE + OF_PODMAN), (Runc, EVERYWHERE), (Nspawn, EVERYWHERE + OF_NSPAWN)]
)
def test_every_way_to_end(machine: Box, engine: type[Container], ends: tuple[End, ...]) -> None:
    init = ("/sbin/init", "--unit=recorder.service")
    containers = {end: engine(machine, f"{engine.__name__}-{end.name}".lower(), init, files=FILES) for end in ends}
    together(start_recorder, containers.values())
    for end, container in containers.items():
        end.act(container)
    statuses = dict(zip((end.name for end in ends), together(lambda container: container.wait(), containers.values())))
    assert statuses == {end.name: end.status for end in ends}
    for end, container in containers.items():
        assert recorded(container) == IN_ORDER, f"{end.name}\n{container.logs}"
        assert not re.search("(?i)sigkill|killing|killed", container.logs)


def answers(container: Container) -> str:
    """What nginx, redis and PostgreSQL say."""
    return container.run(
        "curl -s -o /dev/null -w '%{http_code}\\n' http://127.0.0.1/; redis-cli ping; "
        "su postgres -c 'psql -Atc \"SELECT 1\"'"
    ).stdout


ALL_WELL = "200\nPONG\n1\n"


def test_servers(machine: Box) -> None:
    files = {**FILES, **enabled("recorder.service", UNIT)}
    podman = Podman(machine, "podman", files=files)
    terminal = Podman(machine, "podman-terminal", ("/sbin/init",), files=files, tty=True)
    runc = Runc(machine, "runc-terminal", files=files, tty=True)
    nspawn = Nspawn(machine, "nspawn", ("/sbin/init",), files=files)
    everywhere = (podman, terminal, runc, nspawn)
    together(lambda container: container.start(), everywhere)
    assert together(lambda container: container.wait_booted(), everywhere) == ["running"] * 4
    assert together(answers, everywhere) == [ALL_WELL] * 4
    assert "Active: active (running)" in podman.run("systemctl status nginx").stdout
    terminal.restart()
    podman.signal(9)
    assert podman.wait() == 137
    podman.start()
    assert together(lambda container: container.wait_booted(), (podman, terminal)) == ["running"] * 2
    assert together(answers, (podman, terminal)) == [ALL_WELL] * 2
    podman.stop()
    terminal.stop(30)
    runc.type("\x03")
    nspawn.machine.run(["machinectl", "poweroff", nspawn.name], check=True)
    assert together(lambda container: container.wait(), everywhere) == [0] * 4
    assert recorded(runc) == recorded(nspawn) == IN_ORDER
    assert recorded(terminal) == IN_ORDER * 2
    # (When PID 1 was killed, its supervisors may have had the time to stop what they run.)
    assert recorded(podman)[0] == "ready" and recorded(podman)[-4:] == IN_ORDER
    for container in everywhere:
        # (On a terminal init shows status lines.)
        assert re.search(r"Stopped (\S*m)?nginx\.service", container.logs), container.logs
        assert not re.search("(?i)sigkill|killing|killed", container.logs)


DEAF = "[Service]\nExecStart=/bin/sh -c \"trap '' TERM; echo ready >> /record; while :; do sleep 600; done\"\n"


def test_an_engine_that_does_not_wait(machine: Box) -> None:
    """Told how long it has, init ends before the engine kills it, and says who was killed."""
    files = {**FILES, "/etc/systemd/system/deaf.service": DEAF}
    init = (*INIT, "deaf")
    told = Podman(machine, "told", init, {"SYSTEMCTL_STOP_TIMEOUT": "3"}, files, options=("--stop-timeout=4",))
    untold = Podman(machine, "untold", init, files=files, options=("--stop-timeout=2",))
    both = (told, untold)
    together(start_recorder, both)
    together(lambda container: container.machine.run(["podman", "stop", container.name]), both)
    assert together(lambda container: container.wait(), both) == [124, 137]
    assert "deaf.service: Main process exited, code=killed, status=9/KILL" in told.logs


HOG = "[Service]\nExecStart=/usr/bin/python3 -c 'bytearray(1 << 30)'\n"
BOMB = "[Service]\nExecStart=/bin/sh -c 'while :; do sleep 600 & done'\n"


def test_little_memory_and_few_processes(machine: Box) -> None:
    memory = 64 << 20
    limits = {"memory": {"limit": memory, "swap": memory}, "pids": {"limit": 24}}
    files = {**FILES, "/etc/systemd/system/hog.service": HOG, "/etc/systemd/system/bomb.service": BOMB}
    runc = Runc(machine, "little", (*INIT, "recorder"), files=files, limits=limits)
    start_recorder(runc)
    runc.run("systemctl start hog bomb")
    runc.wait_for(lambda: runc.run("systemctl is-failed hog bomb").stdout == "failed\nfailed\n", "their failures")
    assert runc.run("systemctl is-active recorder").stdout == "active\n"
    assert runc.run("systemctl show -P Result hog").stdout == "signal\n"
    runc.signal(15)
    assert runc.wait() == 0
    assert recorded(runc) == IN_ORDER


JOB = "trap 'exit 6' TERM; echo ready >> /record; while :; do sleep 600 & wait; done"


def test_a_command_in_the_foreground_and_a_foreign_pid_1(machine: Box) -> None:
    shell = Runc(machine, "shell", (*INIT, "recorder", "--", "bash"), files=FILES, tty=True)
    job = Podman(machine, "job", (*INIT, "--", "sh", "-c", JOB))
    catatonit = Podman(machine, "catatonit", (*INIT, "recorder"), files=FILES, options=("--init",))
    everywhere = (shell, job, catatonit)
    together(start_recorder, everywhere)
    assert "podman-init" in catatonit.run("cat /proc/1/cmdline").stdout
    shell.type("echo the answer is $((6 * 7)); exit 5\n")
    together(lambda container: container.stop(), (job, catatonit))
    assert together(lambda container: container.wait(), everywhere) == [5, 6, 0]
    assert "the answer is 42" in shell.logs
    assert recorded(shell) == recorded(catatonit) == IN_ORDER


def test_an_interactive_shell_can_be_interrupted_and_stopped(machine: Box) -> None:
    line = (*INIT, "--", "bash", "--norc", "--noprofile")
    stopped = Podman(machine, "shell-stopped", line, tty=True)
    typed = Runc(machine, "shell-typed", line, tty=True)
    together(lambda container: container.start(), (stopped, typed))
    typed.wait_for(lambda: "#" in typed.logs, "the prompt")
    typed.type("sleep 4321\n")
    typed.wait_for(lambda: "sleep" in typed.run("pgrep -lx sleep").stdout, "the program")
    typed.type("\x03")
    typed.wait_for(lambda: not typed.run("pgrep -lx sleep").stdout, "its end")
    stopped.stop(10)  # the shell ignores SIGTERM, and podman kills after this time
    typed.type("exit 3\n")
    assert [stopped.wait(), typed.wait()] == [129, 3]
