"""Many clients at once, clients that are services themselves, and what a client must not leave behind."""

from __future__ import annotations

import pytest

from tests.box.harness import Box

DIRECTORY = "/etc/systemd/system"
SLEEPS = "ExecStart=/bin/sleep infinity\n"
WITHOUT_INIT = ["sleep", "infinity"]
INITS = pytest.mark.parametrize("init", [None, WITHOUT_INIT], ids=["init", "on demand"])


def unit(body: str = "", section: str = "") -> str:
    """A service that sleeps, with other settings."""
    return f"[Unit]\n{section}[Service]\n{SLEEPS}{body}"


@INITS
def test_fifty_callers_at_once(init: list[str] | None) -> None:
    files = {f"{DIRECTORY}/s{number}.service": unit() for number in range(50)}
    with Box(files=files, init=init) as box:
        command = "for i in $(seq 0 49); do systemctl start s$i || echo bad $i & done; wait"
        result = box.run(command, timeout=120)
        assert (result.stdout, result.stderr) == ("", "")
        names = " ".join(f"s{number}" for number in range(50))
        assert box.run(f"systemctl is-active {names}", timeout=60).stdout == "active\n" * 50


@INITS
def test_no_process_of_ours_keeps_anything_of_the_caller(init: list[str] | None) -> None:
    files = {
        f"{DIRECTORY}/a.service": unit(),
        f"{DIRECTORY}/b.service": "[Service]\nType=forking\nExecStart=/bin/sh -c 'sleep infinity &'\n",
    }
    with Box(files=files, init=init) as box:
        # A pipe ends when nobody holds its writing end any more.
        box.run("systemctl start a | cat; systemctl start b 2>&1 | cat; systemctl restart a b 9>/tmp/nine", timeout=10)
        held = "for fd in /proc/[0-9]*/fd/*; do readlink $fd; done 2>/dev/null | grep /tmp/nine"
        assert box.run(held).stdout == ""
        assert box.run("systemctl is-active a b").stdout == "active\nactive\n"


@pytest.mark.parametrize(
    ("body", "verb", "expected"),
    [
        ("ExecStartPre=/usr/bin/systemctl start other\n", "start", "active\nactive\n"),
        ("ExecStartPre=/usr/bin/systemctl restart other\n", "start", "active\nactive\n"),
        ("ExecStartPre=/usr/bin/systemctl daemon-reload\n", "start", "active\ninactive\n"),
        ("ExecStartPre=/usr/bin/systemctl start --no-block behind\n", "start", "active\ninactive\n"),
        ("ExecStop=/usr/bin/systemctl start other\n", "stop", "inactive\nactive\n"),
        ("ExecStopPost=/usr/bin/systemctl start other\n", "stop", "inactive\nactive\n"),
        ("ExecStopPost=/usr/bin/systemctl restart other\n", "restart", "active\nactive\n"),
        ("ExecStartPost=/usr/bin/systemctl set-environment A=1\n", "start", "active\ninactive\n"),
    ],
)
def test_systemctl_as_a_command_of_a_service(body: str, verb: str, expected: str) -> None:
    files = {
        f"{DIRECTORY}/caller.service": unit(body),
        f"{DIRECTORY}/other.service": unit(),
        f"{DIRECTORY}/behind.service": unit(section="After=caller.service\n"),
    }
    with Box(files=files) as box:
        box.wait_booted()
        if verb != "start":
            box.run("systemctl start caller", check=True, timeout=10)
        box.run(f"systemctl {verb} caller", check=True, timeout=10)
        assert box.run("systemctl is-active caller other").stdout == expected


@pytest.mark.parametrize("option", ["", "--no-block"])
def test_a_service_restarts_itself(option: str) -> None:
    first = f"touch /run/once; systemctl restart {option} self; echo on >/run/on"
    program = f"echo $INVOCATION_ID >>/run/lives; [ -e /run/once ] || {{ {first}; }}; exec sleep 1000"
    with Box(files={f"{DIRECTORY}/self.service": f"[Service]\nExecStart=/bin/sh -c '{program}'\n"}) as box:
        box.wait_booted()
        box.run("systemctl start self")
        lives = box.wait_for(lambda: box.exists("/run/lives") and box.read("/run/lives").split()[1:])
        box.wait_for(lambda: box.find("sleep 1000"))
        assert box.run("systemctl is-active self").stdout == "active\n"
        assert box.run("systemctl show -P InvocationID self").stdout.split() == lives
        assert not (box.exists("/run/on") and not option), "what asked for the restart was stopped by it"


def test_others_may_look_but_not_touch() -> None:
    with Box(files={f"{DIRECTORY}/a.service": unit()}) as box:
        box.wait_booted()
        box.run("systemctl start a", check=True)
        assert box.run("systemctl is-active a", user="1000:1000").stdout == "active\n"
        for verb in ("start", "stop", "restart"):
            result = box.run(f"systemctl {verb} a", user="1000:1000")
            assert result.returncode == 4
            assert result.stderr.splitlines() == [
                f"Failed to {verb} a.service: Access denied",
                "See system logs and 'systemctl status a.service' for details.",
            ]
        for command in ("kill a", "daemon-reload", "set-environment A=1", "poweroff", "exit 3", "reset-failed a"):
            assert box.run(f"systemctl {command}", user="1000:1000").returncode
        assert box.run("systemctl is-active a").stdout == "active\n"


def test_a_second_init_is_refused_and_harms_nothing() -> None:
    notify = "[Service]\nType=notify\nNotifyAccess=all\nExecStart=/bin/sh -c 'systemd-notify --ready; sleep 1000'\n"
    with Box(files={f"{DIRECTORY}/n.service": notify}, packages=["systemd"]) as box:
        box.wait_booted()
        box.run("systemctl start n", check=True)
        sockets = box.list_directory("/run/systemd/notify")
        assert sockets
        second = box.run("systemctl init")
        assert second.returncode == 1
        assert "PID 1 is the service manager of this container, as user root" in second.stderr
        assert box.list_directory("/run/systemd/notify") == sockets
        assert box.run("systemctl is-active n").stdout == "active\n"
