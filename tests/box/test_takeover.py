"""PID 1 beside a manager on demand, and clients beside a starting PID 1: there is one manager, and it is PID 1."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from functools import partial
from pathlib import Path

import psutil
import pytest

from tests.box.harness import Box
from tests.box.test_main_job import enabled

SLEEPER = "[Unit]\nDescription=One\n[Service]\nExecStart=/bin/sleep infinity\n"
ONCE = "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/sh -c 'echo once >> /once'\n"
NOTED = (
    '[Service]\nExecStart=/bin/sh -c \'trap "echo stopped >> /noted; exit 0" TERM; echo started >> /noted;'
    " while :; do sleep 0.05; done'\n"
)


def entry(script: str) -> list[str]:
    return ["sh", "-c", f"{script}\nexec /usr/bin/systemctl init"]


def booted(box: Box) -> str:
    """The state once PID 1 is init and has booted. Before that another manager answers."""
    box.wait_for(lambda: Path(f"/proc/{box.pid1}/comm").read_text() == "systemd\n")
    return box.wait_booted()


def begun(box: Box) -> bool:
    """Whether PID 1 is an init that no longer loses a signal to halt."""
    if b"init" not in Path(f"/proc/{box.pid1}/cmdline").read_bytes().split(b"\0"):
        return False
    blocked = next(line for line in Path(f"/proc/{box.pid1}/status").read_text().splitlines() if "SigBlk" in line)
    return bool(int(blocked.split()[1], 16) & 1 << signal.SIGTERM - 1)


def one_manager(box: Box) -> bool:
    """Whether PID 1 is the only manager, and has no zombie."""
    zombies = []
    for process in box.processes():
        with contextlib.suppress(psutil.NoSuchProcess):
            zombies += [process] if process.status() == psutil.STATUS_ZOMBIE else []
    return not box.find("--on-demand") and not zombies


def test_an_entry_point_that_starts_services_first() -> None:
    script = (
        "systemctl set-environment KEPT=yes; systemctl start a noted once; systemctl show -P MainPID a > /before;"
        " systemctl stop noted"
    )
    files = {**enabled("a.service", SLEEPER), **enabled("once.service", ONCE), **enabled("b.service", SLEEPER)}
    with Box(init=entry(script), files={**files, "/etc/systemd/system/noted.service": NOTED}) as box:
        box.wait_for(lambda: box.exists("/before") and box.read("/before"))
        assert booted(box) == "running", box.run("systemctl --failed").stdout
        assert box.run("systemctl show -P MainPID a").stdout == box.read("/before")
        assert box.run("systemctl show -P NRestarts a").stdout == "0\n"
        assert box.run("systemctl is-active a b once sysinit.target multi-user.target").stdout == "active\n" * 5
        assert box.read("/once") == "once\n"
        box.wait_for(lambda: "systemd[1]: Startup finished" in box.console)
        box.wait_said("systemd[1]: Took over from the manager on demand")
        assert "dropped" not in box.console
        assert box.read("/noted") == "started\nstopped\n"
        assert "KEPT=yes\n" in box.run("systemctl show-environment").stdout
        assert box.wait_for(lambda: one_manager(box))
        assert box.run("cat /proc/1/comm").stdout == "systemd\n"
        box.signal(signal.SIGTERM)
        assert box.wait() == 0


@pytest.mark.parametrize("script", ["systemctl set-environment A=b", "systemctl start a; systemctl stop a"])
def test_a_manager_that_has_nothing_to_do_is_no_obstacle(script: str) -> None:
    with Box(init=entry(script), files=enabled("a.service", SLEEPER)) as box:
        assert booted(box) == "running"
        assert box.run("systemctl is-active a").stdout == "active\n"
        assert box.wait_for(lambda: one_manager(box))


def test_what_was_started_and_is_not_enabled_stays() -> None:
    files = {"/etc/systemd/system/a.service": SLEEPER}
    with Box(init=entry("systemctl start a; systemctl show -P MainPID a > /before"), files=files) as box:
        box.wait_for(lambda: box.exists("/before") and box.read("/before"))
        booted(box)
        assert box.run("systemctl show -P MainPID a").stdout == box.read("/before")


@pytest.mark.parametrize("verb", ["isolate", "start"])
def test_a_mode_that_was_started_before_is_booted_all_the_same(verb: str) -> None:
    files = {
        "/etc/systemd/system/a.service": SLEEPER + "[Install]\nWantedBy=multi-user.target\n",
        "/etc/systemd/system/early.service": SLEEPER
        + "[Unit]\nDefaultDependencies=no\n[Install]\nWantedBy=sysinit.target\n",
        **enabled("upkeep.service", SLEEPER),
        "/etc/systemctl-replacement/skip-in-container.conf": "upkeep.service # not here\n",
    }
    script = (
        f"systemctl enable early; systemctl {verb} multi-user.target; systemctl --failed > /failed;"
        " systemctl is-active upkeep > /before; systemctl enable a"
    )
    with Box(init=entry(script), files=files) as box:
        assert booted(box) == "running", box.run("systemctl --failed").stdout
        assert "0 loaded units listed" in box.read("/failed")
        assert box.read("/before") == "inactive\n"
        assert box.run("systemctl is-active a early basic.target").stdout == "active\n" * 3
        assert box.run("systemctl is-active upkeep").stdout == "inactive\n"


def test_what_is_skipped_is_started_by_name_on_demand() -> None:
    files = {
        **enabled("upkeep.service", SLEEPER),
        "/etc/systemctl-replacement/skip-in-container.conf": "upkeep.service # not here\n",
    }
    with Box(init=entry("systemctl start upkeep"), files=files) as box:
        assert booted(box) == "running"
        assert box.run("systemctl is-active upkeep").stdout == "active\n"


def test_units_that_cannot_be_started_end_what_was_taken_over_in_order() -> None:
    script = "systemctl start noted; until test -e /noted; do sleep 0.01; done; exec systemctl init nosuch"
    with Box(init=["sh", "-c", script], files={"/etc/systemd/system/noted.service": NOTED}) as box:
        assert box.wait() == 5
        assert box.read("/noted") == "started\nstopped\n"


def test_clients_of_the_first_moment_wait_for_pid_1() -> None:
    files = {**enabled("a.service", SLEEPER), "/etc/systemd/system/b.service": SLEEPER}
    with Box(files=files, boot=False) as box:
        for attempt in range(6):
            box.boot()
            clients = []
            for index in range(4):
                time.sleep(0.005 * attempt)  # at another moment of the start each time; any of them is fine
                clients.append(box.popen(f"systemctl start {'ab'[index % 2]}; echo $?", stdout=-1, stderr=-1))
            for client in clients:
                assert client.communicate(timeout=30) == ("0\n", "")
            assert box.run("systemctl is-system-running --wait").stdout == "running\n"
            assert box.run("systemctl is-active a b").stdout == "active\n" * 2
            assert box.wait_for(lambda: one_manager(box))
            box.signal(signal.SIGTERM)
            assert box.wait() == 0


def test_a_start_that_takes_its_time_is_initializing() -> None:
    # An entry point's lock keeps init from listening, like the start of another manager.
    lock = "mkdir -p /run/systemd; exec 9>/run/systemd/systemctl-replacement.lock; flock 9"
    script = f"{lock}; (sleep 2; touch /done) & exec 9>&-"
    with Box(init=entry(script), files=enabled("a.service", SLEEPER)) as box:
        box.wait_for(lambda: "systemctl" in box.run("cat /proc/1/cmdline").stdout)
        waiting = box.popen("systemctl is-system-running --wait", stdout=-1)
        starting = box.popen("systemctl is-active a", stdout=-1)
        while not box.exists("/done"):
            state = box.run("systemctl is-system-running").stdout
            assert state == "initializing\n" or box.exists("/done")
        assert waiting.communicate(timeout=30)[0] == "running\n"
        assert starting.communicate(timeout=30)[0] in ("active\n", "activating\n", "inactive\n")
        assert box.wait_for(lambda: one_manager(box))


def test_told_to_halt_while_it_takes_over() -> None:
    stopped = "until test -e /noted; do sleep 0.02; done; kill -STOP $(pgrep -f -- --on-deman[d])"
    files = {"/etc/systemd/system/noted.service": NOTED}
    with Box(init=entry(f"systemctl start noted; {stopped}"), files=files) as box:
        box.wait_for(lambda: begun(box))
        box.signal(signal.SIGTERM)
        assert box.wait() == 0
        assert box.read("/noted") == "started\nstopped\n"
        assert "Startup finished" not in box.console


def test_a_stranger_on_the_socket_is_not_obeyed() -> None:
    listen = (
        "import socket, time; s = socket.socket(socket.AF_UNIX); s.bind('/run/systemd/systemctl-replacement.socket');"
        " s.listen(); open('/run/systemd/there', 'w'); time.sleep(1000)"
    )
    script = (
        'mkdir -m 777 /run/systemd; setpriv --reuid=33 --regid=33 --clear-groups python3 -c "' + listen + '" &'
        " until test -e /run/systemd/there; do sleep 0.01; done"
    )
    with Box(init=entry(script), files=enabled("a.service", SLEEPER)) as box:
        assert booted(box) == "running"
        assert box.run("systemctl is-active a").stdout == "active\n"
        assert box.run("systemctl show -P Version").returncode == 0


def test_a_client_with_another_root_has_another_manager() -> None:
    # As in a container that shares another one's pid namespace: that PID 1 is not this container's init.
    make = (
        "mount -t tmpfs x /mnt; mkdir /mnt/proc /mnt/run /mnt/tmp /mnt/var /mnt/dev; mount -t proc x /mnt/proc;"
        " cp -a /etc /mnt; for d in usr bin sbin lib lib64; do test -L /$d && cp -a /$d /mnt/ && continue;"
        " test -d /$d && mkdir /mnt/$d && mount --bind /$d /mnt/$d; done; mount --bind /dev /mnt/dev"
    )
    with Box(profile="full", files=enabled("a.service", SLEEPER)) as box:
        booted(box)
        box.run(make, check=True)
        assert box.run("chroot /mnt systemctl is-active a").stdout == "inactive\n"
        box.run("chroot /mnt systemctl start a", check=True)
        assert len(box.find("--on-demand")) == 1
        box.wait_for(lambda: len(box.find("supervisor: a.service")) == 2, what="the supervisors being two")


@pytest.mark.parametrize(
    ("main", "refusal"),
    [
        (["systemctl", "init"], "PID 1 is the service manager of this container"),
        (["sh", "-c", "systemctl init & wait"], "Another manager is running"),
    ],
    ids=["PID 1", "not PID 1"],
)
def test_init_typed_beside_an_init_that_does_not_answer_changes_nothing(main: list[str], refusal: str) -> None:
    with Box(init=main, files=enabled("a.service", SLEEPER)) as box:
        box.wait_booted()
        running = next(process for process in box.find("systemctl init") if "python" in process.cmdline()[0])
        os.kill(running.pid, signal.SIGSTOP)
        typed = box.popen("systemctl init", stdout=-1, stderr=-1)
        assert refusal in typed.communicate(timeout=30)[1]
        assert typed.returncode == 1
        os.kill(running.pid, signal.SIGCONT)
        assert box.run("systemctl is-system-running").stdout == "running\n"
        assert box.run("systemctl is-active a").stdout == "active\n"


DEAF = (
    '[Unit]\nAfter=noted.service\n[Service]\nTimeoutStopSec=60\nExecStart=/bin/sh -c \'trap "" TERM; touch /deaf;'
    " until test -e /go; do sleep 0.05; done'\n"
)
FROZEN = (
    "systemctl start noted deaf; until test -e /deaf -a -e /noted; do sleep 0.02; done;"
    " kill -STOP $(pgrep -f -- --on-deman[d])"
)


def test_a_halt_meanwhile_that_is_told_its_time_ends_in_time_and_kills_nobody_untold() -> None:
    script = f"{FROZEN}; exec systemctl init --stop-timeout=4"
    files = {"/etc/systemd/system/noted.service": NOTED, "/etc/systemd/system/deaf.service": DEAF}
    with Box(init=["sh", "-c", script], files=files) as box:
        box.wait_for(lambda: begun(box))
        box.signal(signal.SIGTERM)
        assert box.wait() == 124
        assert box.read("/noted") == "started\nstopped\n"
        assert "to stop what it runs." in box.console


def test_a_halt_meanwhile_whose_time_is_guessed_tells_everybody_and_kills_nobody() -> None:
    files = {"/etc/systemd/system/noted.service": NOTED, "/etc/systemd/system/deaf.service": DEAF}
    with Box(init=entry(FROZEN), files=files) as box:
        box.wait_for(lambda: begun(box))
        box.signal(signal.SIGTERM)
        # Its turn would come after the other one's, which does not end.
        box.wait_for(lambda: "stopped" in box.read("/noted"), 20)
        box.write("/go", "")
        assert box.wait() == 0


@pytest.mark.parametrize("reexecuted", [False, True], ids=["", "re-executed"])
def test_what_was_taken_over_beside_another_pid_1_is_seen_to_end_without_its_supervisor(reexecuted: bool) -> None:
    # The child has left the session, and is the last to go.
    main = (
        "[Service]\nTimeoutStopSec=infinity\nExecStart=/bin/sh -c 'setsid sh -c \"trap : TERM; touch /child; until"
        " test -e /go; do sleep 0.05; done\" & until test -e /end; do sleep 0.05; done'\n"
    )
    files = {"/etc/systemd/system/a.service": main, "/etc/systemd/system/b.service": SLEEPER}
    with Box(init=["sleep", "infinity"], files=files) as box:
        box.run("systemctl start a b; until test -e /child; do sleep 0.02; done", check=True)
        box.popen("exec systemctl init")
        box.wait_for(lambda: not box.find("--on-demand"))
        box.wait_booted()
        assert box.run("systemctl is-active a b").stdout == "active\n" * 2
        for unit in ("a", "b"):
            box.find(f"supervisor: {unit}.service")[0].kill()
            box.wait_for(partial(degraded, box, unit))
        if reexecuted:
            box.run("systemctl daemon-reexec", check=True)
        box.run("kill -9 $(systemctl show -P MainPID b)", check=True)
        # That PID 1 reaps nobody: the kernel tells how it ended.
        box.wait_for(lambda: box.run("systemctl is-active b").stdout == "failed\n")
        assert box.run("systemctl show -P Result b").stdout == "signal\n"
        box.write("/end", "")
        box.wait_for(lambda: box.run("systemctl show -P SubState a").stdout == "stop-sigterm\n")
        box.write("/go", "")
        box.wait_for(lambda: box.run("systemctl is-active a").stdout == "inactive\n")
        assert box.run("systemctl start b; systemctl is-active b").stdout == "active\n"


def degraded(box: Box, unit: str) -> bool:
    return "Supervisor died" in box.run(f"systemctl status {unit}").stdout
