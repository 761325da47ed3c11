"""The main job, end to end: Debian's own nginx and redis, started, controlled and halted by PID 1 of a container.

With `SYSTEMCTL_REPLACEMENT_ORACLE=1` in the environment, the tests that make sense there run against real systemd:
they expect what it does.
"""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Mapping
from typing import Optional

import psutil
import pytest

from tests.box.harness import Box

ORACLE = bool(os.environ.get("SYSTEMCTL_REPLACEMENT_ORACLE"))
ours_only = pytest.mark.skipif(ORACLE, reason="is about our own processes or differs from systemd on purpose")

SERVERS = ("nginx", "redis-server")
HALT_SIGNALS = (signal.SIGTERM, signal.SIGINT, 37)
# How long a manager on demand stays after its last client, with some reserve.
LINGER = 20.0


def boot(files: Optional[Mapping[str, str]] = None, packages: tuple[str, ...] = SERVERS) -> Box:
    """A box in the docker profile, or one with real systemd."""
    return Box(packages=packages, files=files, systemd=ORACLE)


def enabled(name: str, text: str) -> dict[str, str]:
    """A unit file that multi-user.target wants."""
    drop_in = f"/etc/systemd/system/multi-user.target.d/wants-{name}.conf"
    return {f"/etc/systemd/system/{name}": text, drop_in: f"[Unit]\nWants={name}\n"}


def show(box: Box, unit: str, *properties: str) -> dict[str, str]:
    """Properties of a unit."""
    output = box.run(["systemctl", "show", "-p", ",".join(properties), unit], check=True).stdout
    return dict(line.split("=", 1) for line in output.splitlines())


def status_code(box: Box) -> str:
    """What nginx answers."""
    return box.run("curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1/").stdout


def test_enabled_services_come_up_and_answer() -> None:
    with boot() as box:
        assert box.wait_booted() == "running", box.run("systemctl --failed").stdout
        assert status_code(box) == "200"
        assert box.run("redis-cli ping").stdout == "PONG\n"
        assert box.run("systemctl is-active nginx redis-server").stdout == "active\nactive\n"
        status = box.run("systemctl status nginx")
        assert status.returncode == 0
        assert re.search(r"^[●*] nginx\.service - A high performance web server", status.stdout)
        assert "Loaded: loaded (/lib/systemd/system/nginx.service; enabled; preset: enabled)" in status.stdout
        assert "Active: active (running) since" in status.stdout
        main_pid = show(box, "nginx", "MainPID")["MainPID"]
        assert re.search(rf"Main PID: {main_pid} \(nginx\)", status.stdout)
        assert re.search(rf"[├|][─-] *{main_pid} \"?nginx: master process", status.stdout)
        assert "nginx: worker process" in status.stdout
        assert box.run("cat /proc/1/comm").stdout == "systemd\n"


def test_killed_main_process_comes_back() -> None:
    drop_in = {"/etc/systemd/system/nginx.service.d/restart.conf": "[Service]\nRestart=always\n"}
    with boot(drop_in) as box:
        box.wait_booted()
        before = show(box, "nginx", "MainPID")["MainPID"]
        box.run(f"kill -9 {before}", check=True)
        box.wait_for(
            lambda: (
                show(box, "nginx", "MainPID", "ActiveState")
                | {"MainPID": str(show(box, "nginx", "MainPID")["MainPID"] not in (before, "0"))}
                == {"MainPID": "True", "ActiveState": "active"}
            ),
            what="nginx with a new main process",
        )
        assert status_code(box) == "200"
        assert show(box, "nginx", "NRestarts") == {"NRestarts": "1"}


def test_restarting_over_and_over() -> None:
    unit = "[Unit]\nStartLimitIntervalSec=0\n[Service]\nExecStart=/bin/sleep 0.02\nRestart=always\nRestartSec=1ms\n"
    with boot(enabled("again.service", unit), packages=()) as box:
        box.wait_booted()
        box.wait_for(lambda: int(show(box, "again", "NRestarts")["NRestarts"]) >= 30, what="number of restarts")
        assert show(box, "again", "Result") == {"Result": "success"}
        box.run("systemctl stop again", check=True)
        assert show(box, "again", "ActiveState", "Result") == {"ActiveState": "inactive", "Result": "success"}


def test_stop_ends_every_process() -> None:
    with boot() as box:
        box.wait_booted()
        assert box.find("redis-server")
        box.run("systemctl stop redis-server", check=True)
        assert not box.find("redis-server 127")
        result = box.run("systemctl is-active redis-server")
        assert (result.stdout, result.returncode) == ("inactive\n", 3)
        assert show(box, "redis-server", "Result", "SubState") == {"Result": "success", "SubState": "dead"}
        box.run("systemctl start redis-server", check=True)
        assert box.run("redis-cli ping").stdout == "PONG\n"


WITNESS = """#!/bin/sh
trap 'echo "term $1" >> /order; exit 0' TERM
: > "/run/witness-$1"
while :; do sleep 0.02; done
"""


def witness(name: str, after: str) -> dict[str, str]:
    """A service that writes to /order what happens to it."""
    lines = [
        "[Unit]",
        f"After={after}",
        "[Service]",
        *(
            f"{key}=/bin/sh -c 'echo {word} {name} >> /order'"
            for key, word in (("ExecStartPre", "start"), ("ExecStop", "stop"), ("ExecStopPost", "gone"))
        ),
        f"ExecStart=/usr/local/bin/witness {name}",
        # It is not ready before it can be stopped, that is, before the trap is set.
        f"ExecStartPost=/bin/sh -c 'until [ -e /run/witness-{name} ]; do sleep 0.01; done'",
        "[Install]",
        "WantedBy=multi-user.target",
        "",
    ]
    return {f"/etc/systemd/system/{name}.service": "\n".join(lines), "/usr/local/bin/witness": WITNESS}


def going_down(*names: str) -> list[str]:
    """What witnesses write when they stop one after the other."""
    return [f"{word} {name}" for name in names for word in ("stop", "term", "gone")]


@pytest.mark.parametrize("number", [37] if ORACLE else HALT_SIGNALS)
def test_halt_in_reverse_order(number: int) -> None:
    names = ("one", "two", "three")
    files: dict[str, str] = {}
    for name, after in zip(names, ("", "one.service", "two.service")):
        files.update(witness(name, after))
        files[f"/etc/systemd/system/multi-user.target.d/{name}.conf"] = f"[Unit]\nWants={name}.service\n"
    with boot(files) as box:
        box.wait_booted()
        # Enabled and started by hand in the running box, it takes part in the halt like the others.
        for path, text in witness("late", "three.service").items():
            box.write(path, text)
        box.run("systemctl enable --now late.service", check=True)
        box.signal(number)
        assert box.wait() == (-signal.SIGINT if ORACLE else 0), box.console
        assert box.read("/order").splitlines() == [
            *(f"start {name}" for name in (*names, "late")),
            *going_down("late", "three", "two", "one"),
        ]


def test_a_thousand_orphans_leave_no_zombie() -> None:
    with boot(packages=()) as box:
        box.wait_booted()
        before = len(box.processes())
        box.run("for i in $(seq 1000); do (sleep 0.0$((i % 9)) &); done", check=True)
        box.wait_for(lambda: not box.find("sleep") and len(box.processes()) <= before, what="a box without orphans")
        assert not [process for process in box.processes() if process.status() == psutil.STATUS_ZOMBIE]
        assert box.run("systemctl is-system-running").stdout == "running\n"


DAEMON = """#!/usr/bin/python3 -IS
import os
child = os.fork()
if child:
    os.waitpid(child, 0)
    os._exit(0)
os.setsid()
if os.fork():
    os._exit(0)
os.setsid()
if os.fork() == 0:
    os.setsid()
    os.execve("/bin/sh", ["sh", "-c", "trap '' TERM; while :; do sleep 0.2; done # stubborn"], {})
os.setgroups([]); os.setgid(65534); os.setuid(65534)
os.execve("/bin/sleep", ["sleep", "54321"], {})
"""


def test_daemons_that_do_everything_to_get_away() -> None:
    unit = "[Service]\nType=forking\nExecStart=/usr/local/bin/daemon\nTimeoutStopSec=300ms\n"
    with boot({"/usr/local/bin/daemon": DAEMON, **enabled("daemon.service", unit)}, packages=()) as box:
        box.wait_booted()
        box.wait_for(lambda: box.find("sleep 54321") and box.find("stubborn"), what="the daemon")
        assert show(box, "daemon", "ActiveState", "SubState") == {"ActiveState": "active", "SubState": "running"}
        assert int(show(box, "daemon", "MainPID")["MainPID"]) == box.inner_pid(box.find("sleep 54321")[0])
        box.run("systemctl stop daemon", check=True)
        assert not box.find("54321")
        assert not box.find("stubborn")
        assert show(box, "daemon", "Result") == {"Result": "timeout"}


def identities(box: Box) -> dict[str, dict[str, str]]:
    """What must not change while nothing happens to the services."""
    return {unit: show(box, unit, "MainPID", "ExecMainStartTimestamp", "ActiveState") for unit in SERVERS}


def helpers(box: Box) -> dict[str, psutil.Process]:
    """Our processes by role: the forkserver is PID 1's child, the others are its children."""
    main_pid = int(show(box, "nginx", "MainPID")["MainPID"])
    supervisor = box.process(main_pid).parent()
    forkserver = next(
        process for process in box.processes() if process.ppid() == box.pid1 and "forkserver" in title(process)
    )
    others = {
        name: next(process for process in box.processes() if name in title(process))
        for name in ("console", "collector")
    }
    assert supervisor is not None
    return {"forkserver": forkserver, "supervisor": supervisor, **others}


def title(process: psutil.Process) -> str:
    """Everything `ps` would show."""
    try:
        return f"{process.name()} {' '.join(process.cmdline())}"
    except psutil.ZombieProcess:
        return ""


@ours_only
@pytest.mark.parametrize("victim", ["forkserver", "supervisor", "console", "collector"])
def test_killing_one_of_ours_harms_no_service(victim: str) -> None:
    with boot() as box:
        box.wait_booted()
        before = identities(box)
        box.run(f"kill -9 {box.inner_pid(helpers(box)[victim])}", check=True)
        box.run("systemctl is-active nginx", check=True)
        assert identities(box) == before
        assert status_code(box) == "200"
        box.run("systemctl status nginx redis-server", check=True)
        box.run("systemctl restart redis-server", check=True)
        box.run("systemctl stop nginx", check=True)
        assert not box.find("nginx: ")
        box.run("systemctl start nginx", check=True)
        assert status_code(box) == "200"
        if victim == "console":
            box.write("/etc/systemd/system/talk.service", "[Service]\nType=oneshot\nExecStart=/bin/echo still heard\n")
            box.run("systemctl start talk", check=True)
            box.wait_for(lambda: "still heard" in box.console)
        box.signal(signal.SIGTERM)
        assert box.wait() == 0


def test_killing_everything_but_the_first_process() -> None:
    with boot() as box:
        box.wait_booted()
        box.run("kill -9 -1")
        # Debian's redis-server.service has Restart=always, its nginx.service has not.
        box.wait_for(lambda: box.run("systemctl is-active nginx").stdout == "failed\n", what="the end of nginx")
        assert show(box, "nginx", "Result") == {"Result": "signal"}
        box.wait_for(lambda: box.run("systemctl is-active redis-server").stdout == "active\n", what="a new redis")
        box.wait_for(lambda: box.run("redis-cli ping").stdout == "PONG\n")
        box.run("systemctl start nginx", check=True)
        assert status_code(box) == "200"


def test_the_manager_executes_itself_and_loses_nothing() -> None:
    with boot() as box:
        box.wait_booted()
        before = identities(box)
        box.run("systemctl daemon-reexec", check=True)
        box.wait_for(lambda: box.run("systemctl is-active nginx").returncode == 0, what="an answer")
        assert identities(box) == before
        box.run("systemctl restart redis-server", check=True)
        box.run("systemctl stop nginx", check=True)
        assert not box.find("nginx: ")
        box.signal(37)
        assert box.wait() == (-signal.SIGINT if ORACLE else 0)


def living(box: Box) -> int:
    """The number of processes. A PID 1 that is no init does not reap zombies."""
    alive = 0
    for process in box.processes():
        try:
            alive += process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            continue  # it ended while we looked
    return alive


@ours_only
def test_without_init() -> None:
    with Box(packages=SERVERS, init=["/bin/sleep", "infinity"]) as box:
        assert box.run("systemctl is-active nginx").stdout == "inactive\n"
        assert living(box) == 1, "a question started a manager"
        box.run("systemctl start nginx", check=True)
        assert status_code(box) == "200"
        status = box.run("systemctl status nginx")
        assert "Active: active (running)" in status.stdout and "nginx: worker process" in status.stdout
        assert box.exists("/run/systemd/system"), "package scripts reach the manager"
        box.run("systemctl stop nginx", check=True)
        assert not box.find("nginx: ")
        box.wait_for(lambda: living(box) == 1, LINGER, "the end of the background manager")
        assert not box.exists("/run/systemd/system")
        box.run("systemctl start nginx", check=True)
        assert status_code(box) == "200"


@ours_only
def test_without_init_the_end_of_the_manager_is_the_end_of_its_units() -> None:
    with Box(packages=SERVERS, init=["/bin/sleep", "infinity"]) as box:
        box.run("systemctl start nginx redis-server", check=True)
        (manager,) = box.find("--on-demand")
        manager.kill()
        box.wait_for(lambda: living(box) == 1, what="the end of everything that was started")


SLEEP = "[Service]\nExecStart=/bin/sleep infinity\n"
# What is wrong with each, and the result: load state, active state, exit status of the main process.
BAD_UNITS = {
    "good": (SLEEP, ("loaded", "active", "0")),
    "empty": ("", ("masked", "inactive", "0")),
    "binary": ("\udcff\udcfe\x01\x02[Ser\udc80", ("error", "inactive", "0")),
    "unknown": (
        f"[Unit]\nSurprise=yes\n{SLEEP}Nonsense=1\nTimeoutStopSec=never ever\n[X-Mine]\na=b\n[Other]\nc=d\n",
        ("loaded", "active", "0"),
    ),
    "nothing": ("[Service]\nType=simple\n", ("bad-setting", "inactive", "0")),
    "relative": ("[Service]\nExecStart=./x\n", ("bad-setting", "inactive", "0")),
    "nobody": (f"{SLEEP}User=does-not-exist\n", ("loaded", "failed", "217")),
    "noprogram": ("[Service]\nExecStart=/does/not/exist\n", ("loaded", "failed", "203")),
    "long": (f"[Unit]\nDescription={'x' * (10 << 20)}\n{SLEEP}", ("error", "inactive", "0")),
    "circle1": (
        f"[Unit]\nRequires=circle2.service\nAfter=circle2.service\n{SLEEP}",
        ("loaded", "inactive", "0"),
    ),
    "circle2": (
        f"[Unit]\nRequires=circle1.service\nAfter=circle1.service\n{SLEEP}",
        ("loaded", "inactive", "0"),
    ),
}
MESSAGES = (
    "/etc/systemd/system/unknown.service:2: Unknown key 'Surprise' in section [Unit], ignoring.",
    "/etc/systemd/system/unknown.service:5: Unknown key 'Nonsense' in section [Service], ignoring.",
    "/etc/systemd/system/unknown.service:6: Failed to parse time value, ignoring: never ever",
    "/etc/systemd/system/unknown.service:9: Unknown section 'Other'. Ignoring.",
    "/etc/systemd/system/relative.service:2: Neither a valid executable name nor an absolute path: ./x",
    "nothing.service: Service has no ExecStart=, ExecStop=, or SuccessAction=. Refusing.",
    "nobody.service: Failed at step USER spawning /bin/sleep: No such process",
    "noprogram.service: Failed to locate executable /does/not/exist: No such file or directory",
    ".service: Found ordering cycle on circle",
    "/etc/systemd/system/binary.service:1: String is not UTF-8 clean, ignoring assignment: ",
) + (() if ORACLE else ("/etc/systemd/system/long.service:1: Line too long",))  # about which systemd says nothing


def test_bad_input_does_not_stop_the_rest() -> None:
    files: dict[str, str] = {}
    for name, (text, _) in BAD_UNITS.items():
        files.update(enabled(f"{name}.service", text))
    for name in ("directory", "loop1"):
        files[f"/etc/systemd/system/multi-user.target.d/{name}.conf"] = f"[Unit]\nWants={name}.service\n"
    files["/etc/systemd/system/directory.service/file"] = "a directory in place of a unit file"
    with Box(files=files, systemd=ORACLE, boot=False) as box:
        box.symlink("loop2.service", "/etc/systemd/system/loop1.service")
        box.symlink("loop1.service", "/etc/systemd/system/loop2.service")
        box.boot()
        box.wait_booted()
        # With Type=simple a missing program or user is found after the start, and maybe after the boot.
        box.wait_for(lambda: box.run("systemctl is-system-running").stdout == "degraded\n", what="all failures")
        expected = {name: states for name, (_, states) in BAD_UNITS.items()}
        expected["directory"] = expected["loop1"] = ("not-found", "inactive", "0")
        properties = ("LoadState", "ActiveState", "ExecMainStatus")
        found = {name: show(box, f"{name}.service", *properties) for name in expected}
        assert {name: tuple(values[key] for key in properties) for name, values in found.items()} == expected
        if ORACLE:  # messages from before the journal ran are lost: repeat them
            box.run(f"systemctl daemon-reload; systemctl start {' '.join(BAD_UNITS)}")
        else:
            box.wait_said("Startup finished")
        log = box.run("journalctl --no-pager --all").stdout if ORACLE else box.console
        for message in MESSAGES:
            assert message in log
        assert (
            "Loaded: bad-setting (Reason: Unit nothing.service has a bad unit file setting.)"
            in box.run("systemctl status nothing").stdout
        )
