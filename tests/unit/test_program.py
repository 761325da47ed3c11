"""Which program a command line asks for."""

from __future__ import annotations

import pytest

from systemctl_replacement.command_line import init_arguments, program


@pytest.mark.parametrize(
    ("pid", "argv", "expected"),
    [
        (1, ["/usr/bin/systemctl", "init"], "init"),
        (1, ["/usr/bin/systemctl"], "init"),
        (1, ["/sbin/init"], "init"),
        (1, ["/sbin/init", "--show-status=false", "--unit=x.target"], "init"),
        (1, ["/sbin/init", "splash", "quiet"], "init"),
        (1, ["/usr/bin/systemctl", "--version"], "systemctl"),
        (1, ["/usr/bin/systemctl", "status"], "systemctl"),
        (7, ["/usr/bin/systemctl"], "systemctl"),
        (7, ["/sbin/init"], "telinit"),
        (7, ["/sbin/init", "6"], "telinit"),
        (7, ["/sbin/telinit", "u"], "telinit"),
        (7, ["/usr/bin/systemctl", "init", "nginx"], "init"),
        (7, ["/usr/bin/systemctl", "start", "--init", "nginx"], "init"),
        (7, ["/usr/bin/systemctl", "-1"], "init"),
        (7, ["/usr/bin/systemctl", "start", "init"], "systemctl"),
        (7, ["/usr/bin/systemctl", "start", "--", "--init"], "systemctl"),
        (7, ["/usr/bin/systemctl", "enable", "init.scope"], "systemctl"),
        (7, ["/sbin/poweroff", "-f"], "poweroff"),
        (7, ["/sbin/runlevel"], "runlevel"),
        (7, ["/sbin/shutdown", "-r", "0"], "shutdown"),
        (7, ["x", "--forkserver", "3"], "forkserver"),
        (7, ["x", "--generators", "/run/systemd"], "generators"),
        (7, [], "systemctl"),
        (1, ["/usr/bin/systemctl", "default"], "init"),
        (1, ["/usr/bin/systemctl", "default", "--init"], "init"),
        (1, ["/usr/bin/systemctl.py", "-vvv"], "init"),
        (1, ["/usr/bin/systemctl", "start", "nginx"], "init"),
        (1, ["systemctl", "restart", "-q", "nginx"], "init"),
        (1, ["systemctl", "isolate", "multi-user.target"], "init"),
        (1, ["systemctl", "start"], "systemctl"),
        (1, ["systemctl", "--failed"], "systemctl"),
        (1, ["systemctl", "--state=failed"], "systemctl"),
        (1, ["systemctl", "--type=service"], "systemctl"),
        (1, ["systemctl", "-t", "service"], "systemctl"),
        (1, ["systemctl", "-tservice"], "systemctl"),
        (1, ["systemctl", "-a"], "systemctl"),
        (1, ["systemctl", "-la", "--no-pager"], "systemctl"),
        (1, ["systemctl", "--no-pager"], "systemctl"),
        (1, ["systemctl", "--failed", "--init"], "init"),
        (1, ["systemctl", "-a", "start", "x"], "init"),
        (1, ["systemctl", "init", "--failed"], "init"),
        (1, ["systemctl", "-vq", "--show-status=full"], "init"),
        (1, ["/sbin/init", "-a"], "init"),
        (1, ["systemctl", "stop", "nginx"], "systemctl"),
        (1, ["systemctl", "start", "nginx", "--help"], "systemctl"),
        (1, ["systemctl", "--help"], "systemctl"),
        (1, ["/sbin/poweroff"], "poweroff"),
        (1, ["/sbin/telinit", "q"], "telinit"),
        (1, ["systemctl", "init", "0"], "init"),  # which refuses
        (1, ["systemctl", "init", "--help"], "init-help"),
        (7, ["systemctl", "init", "-h"], "init-help"),
        (1, ["systemctl", "init", "--version"], "init-version"),
        (7, ["systemctl", "init", "--version", "--help"], "init-version"),
        (1, ["/sbin/init", "--version"], "init-version"),
        (7, ["systemctl", "init", "--", "x", "-h"], "init"),
        (1, ["systemctl", "init", "--check"], "check"),
        (7, ["systemctl", "init", "nginx", "--check"], "check"),
        (7, ["systemctl", "--root", "/x", "init", "--check"], "check"),
        (1, ["systemctl", "--check"], "check"),
        (1, ["/sbin/init", "--check"], "check"),
        (1, ["systemctl", "start", "nginx", "--check"], "check"),
        (7, ["systemctl", "init", "--check", "--help"], "init-help"),
        (7, ["systemctl", "init", "--", "x", "--check"], "init"),
        (7, ["systemctl", "init", "--unit", "--check"], "init"),
        (7, ["systemctl", "start", "nginx", "--check"], "systemctl"),
        (1, ["systemctl", "-o", "json"], "systemctl"),
        (7, ["systemctl", "init", "q"], "telinit"),
        (7, ["systemctl", "init", "0"], "telinit"),
        (7, ["systemctl", "init", "3"], "init"),
        (7, ["/bin/systemctl", "0"], "telinit"),  # systemd's /sbin/init, called as `init 0`
        (7, ["/bin/systemctl", "Q"], "telinit"),
        (7, ["/bin/systemctl", "-n", "0", "status"], "systemctl"),
        (7, ["/bin/systemctl", "0", "x"], "systemctl"),
        (7, ["systemctl", "default"], "systemctl"),
        (7, ["/usr/bin/journalctl", "init"], "journalctl"),
        (1, ["/usr/bin/journalctl"], "journalctl"),
        (7, ["systemd-cat", "systemctl", "init"], "systemd-cat"),
        (1, ["/lib/systemd/systemd", "--system"], "init"),
        (7, ["/lib/systemd/systemd"], "no-init"),
        (7, ["/lib/systemd/systemd", "--user"], "no-init"),
        (7, ["/lib/systemd/systemd", "--version"], "init-version"),
        (7, ["/lib/systemd/systemd", "--help"], "init-help"),
        (7, ["/lib/systemd/systemd", "--bus", "3"], "bus"),
    ],
)
def test_program(pid: int, argv: list[str], expected: str) -> None:
    assert program(argv, pid) == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["init"], []),
        (["init", "nginx", "redis"], ["nginx", "redis"]),
        (["--root=/x", "init", "--unit=y"], ["--root=/x", "--unit=y"]),
        (["--root", "/x", "init"], ["--root=/x"]),
        (["--unit", "rescue", "init", "--log-level"], ["--unit=rescue", "--log-level"]),
        (["start", "--init", "a"], ["a"]),
        (["init", "--", "sh", "-c", "true"], ["--", "sh", "-c", "true"]),
        (["init", "--check", "-o", "json", "a"], ["--check", "-o=json", "a"]),
        (["-1", "default"], ["default"]),
        (["status", "-1"], None),
        (["stop", "init"], None),
        (["start", "a"], None),
    ],
)
def test_init_arguments(words: list[str], expected: list[str]) -> None:
    assert init_arguments(["systemctl", *words], 7) == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], []),
        (["start", "a", "-v", "b"], ["a", "-v", "b"]),
        (["default"], ["default"]),
        (["rescue"], ["rescue"]),
        (["reload-or-restart", "a"], ["a"]),
        (["stop", "a"], None),
    ],
)
def test_init_arguments_of_pid_1(words: list[str], expected: list[str]) -> None:
    assert init_arguments(["systemctl", *words], 1) == expected
