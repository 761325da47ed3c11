"""The command lines that people use for PID 1, and the links to systemctl (docs/container.md)."""

from __future__ import annotations

import pytest

from tests.box.harness import SYSTEMD_PACKAGES, Box
from tests.box.test_main_job import enabled

SLEEP = "[Service]\nExecStart=/bin/sleep infinity\n"
FILES = {**enabled("on.service", SLEEP), "/etc/systemd/system/off.service": SLEEP}
SYSTEMCTL = "/usr/bin/systemctl"


def states(box: Box, *units: str) -> list[str]:
    return box.run(["systemctl", "is-active", *units]).stdout.split()


@pytest.mark.parametrize(
    ("init", "on", "off"),
    [
        ([SYSTEMCTL], "active", "inactive"),
        ([SYSTEMCTL, "default"], "active", "inactive"),
        ([SYSTEMCTL, "-vvv", "-1"], "active", "inactive"),
        ([SYSTEMCTL, "init", "default"], "active", "inactive"),
        (["init", "3"], "active", "inactive"),
        (["/bin/sh", "-c", "cp /usr/bin/systemctl /systemctl.py; exec /systemctl.py"], "active", "inactive"),
        (["/usr/bin/python3", SYSTEMCTL, "init"], "active", "inactive"),
        (["/usr/bin/python3", "/sbin/init"], "active", "inactive"),
        ([SYSTEMCTL, "start", "off"], "inactive", "active"),
        ([SYSTEMCTL, "--init", "start", "off"], "inactive", "active"),
        (["init", "on", "off"], "active", "active"),
        ([SYSTEMCTL, "init", "rescue"], "inactive", "inactive"),
    ],
    ids=" ".join,
)
def test_every_way_to_say_init(init: list[str], on: str, off: str) -> None:
    # A module with this name would be found first if the environment of `python3 systemctl` counted.
    with Box(init=init, files={**FILES, "/evil/json.py": "1 / 0"}, environment={"PYTHONPATH": "/evil"}) as box:
        assert box.wait_booted() == ("maintenance" if "rescue" in init else "running")
        assert states(box, "on", "off") == [on, off]
        box.signal(15)
        assert box.wait() == 0


@pytest.mark.parametrize(
    ("init", "status", "text"),
    [
        (["init", "nosuch"], 5, "Failed to start nosuch.service: Unit nosuch.service not found."),
        ([SYSTEMCTL, "start", "on", "nosuch"], 5, "Failed to start nosuch.service: Unit nosuch.service not found."),
        ([SYSTEMCTL, "--unit", "nosuch", "init"], 5, "Failed to start nosuch.target: Unit nosuch.target not found."),
        (["init", "0"], 1, "init 0: there is no init yet that this could be said to."),
        ([SYSTEMCTL, "stop", "on"], 1, "To be the init of a container, use 'systemctl init'."),
        ([SYSTEMCTL, "enable", "--now", "off"], 1, "Verb 'enable --now' needs a service manager that stays"),
        ([SYSTEMCTL, "daemon-reload"], 1, "Verb 'daemon-reload' needs a service manager that stays"),
        ([SYSTEMCTL, "daemon-reexec"], 1, "Verb 'daemon-reexec' needs a service manager that stays"),
        *(
            ([SYSTEMCTL, verb], 1, f"Verb '{verb}' needs a service manager that stays")
            for verb in ("halt", "poweroff", "reboot", "kexec", "exit")
        ),
        (["init", "/bin/bash"], 1, "init /bin/bash: a path is no unit"),
        (["init", "sh", "-c", "true"], 5, "sh is a program. This runs it: init -- sh"),
        (["init", "on", "t@"], 1, "Unit name t@.service is missing the instance name."),
        (["init", "halt"], 1, "init halt: there is no init yet that this could be said to."),
        ([SYSTEMCTL, "restart"], 1, "Too few arguments."),
        ([SYSTEMCTL, "frobnicate"], 1, "Unknown command verb frobnicate."),
        ([SYSTEMCTL, "--help"], 0, "  init [UNIT...]"),
        ([SYSTEMCTL, "init", "--help"], 0, "--stop-timeout=SPAN"),
        ([SYSTEMCTL, "is-enabled", "on"], 0, "static"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_is_no_init_says_so_and_ends(init: list[str], status: int, text: str) -> None:
    with Box(init=init, files=FILES) as box:
        assert box.wait() == status
        assert text in box.console
        assert "Started on.service" not in box.console


def test_what_is_refused_has_changed_nothing() -> None:
    unit = SLEEP + "[Install]\nWantedBy=multi-user.target\n"
    with Box(init=[SYSTEMCTL, "enable", "--now", "off"], files={"/etc/systemd/system/off.service": unit}) as box:
        assert box.wait() == 1
        assert "Created symlink" not in box.console
        box.boot([SYSTEMCTL, "init"])
        box.wait_booted()
        assert box.run("systemctl is-enabled off").stdout == "disabled\n"


def test_a_halt_in_the_first_moment_ends() -> None:
    with Box(init=["init", "nosuch"]) as box:
        for _ in range(10):
            assert box.wait(10) == 5
            assert "remaining processes" not in box.console, "a helper was taken for somebody's process"
            box.boot()


def test_what_was_started_before_is_stopped_in_order() -> None:
    unit = "[Service]\nExecStart=/bin/sleep infinity\nExecStop=/bin/sh -c 'echo stopped > /stopped'\n"
    entry = "systemctl start early && exec systemctl start nosuch"
    with Box(init=["/bin/sh", "-c", entry], files={"/etc/systemd/system/early.service": unit}) as box:
        assert box.wait() == 5
        assert box.read("/stopped") == "stopped\n"


def test_an_option_that_is_none_is_warned_of() -> None:
    with Box(init=[SYSTEMCTL, "init", "--stop-timout=90", "off"], files=FILES) as box:
        box.wait_booted()
        box.wait_said("Unknown option --stop-timout=90, ignoring.")


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_descriptors_that_are_closed_at_the_start(closed: str) -> None:
    unit = "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/sh -c 'cat; echo out; echo err >&2'\n"
    with Box(init=["/bin/sh", "-c", f"exec systemctl init {closed}"], files=enabled("a.service", unit)) as box:
        assert box.wait_booted() == "running"
        assert states(box, "a") == ["active"]
        box.signal(15)
        assert box.wait() == 0
        for text in ("]: out\n", "]: err\n"):
            assert (text in box.console) == (closed in ("<&-", "2>&-"))


@pytest.mark.parametrize("number", [3, 15, 37])
def test_stop_signals_of_images(number: int) -> None:
    unit = "[Service]\nExecStart=/bin/sleep infinity\nExecStop=/bin/sh -c 'echo stopped > /stopped'\n"
    with Box(files=enabled("a.service", unit)) as box:
        box.wait_booted()
        box.signal(number)
        assert box.wait() == 0
        assert box.read("/stopped") == "stopped\n"


@pytest.mark.parametrize("packages", [(), SYSTEMD_PACKAGES], ids=["own init", "systemd-sysv"])
@pytest.mark.parametrize(
    ("command", "status"),
    [
        ("init 0", 0),
        ("telinit 0", 0),
        ("halt", 0),
        ("poweroff", 0),
        ("shutdown now", 0),
        ("init 6", 133),
        ("reboot", 133),
    ],
)
def test_the_programs_of_the_older_init(packages: tuple[str, ...], command: str, status: int) -> None:
    with Box(packages=packages, files=FILES, init=[SYSTEMCTL, "init", "on"]) as box:
        box.wait_booted()
        box.run(command)
        assert box.wait() == status


@pytest.mark.parametrize("packages", [(), SYSTEMD_PACKAGES], ids=["own init", "systemd-sysv"])
def test_telling_a_running_init(packages: tuple[str, ...]) -> None:
    with Box(packages=packages, files=FILES, init=[SYSTEMCTL, "init", "on"]) as box:
        box.wait_booted()
        box.write("/etc/systemd/system/on.service", SLEEP + "[Unit]\nDescription=new\n")
        box.run("init q", check=True)
        assert box.run("systemctl show -P Description on").stdout == "new\n"
        box.run("systemctl init Q", check=True)
        box.run("init 1", check=True)
        box.wait_for(lambda: states(box, "rescue.target") == ["active"])


def test_the_older_programs_without_an_init() -> None:
    with Box(init=["sleep", "infinity"], files=FILES) as box:
        for command in ("init 0", "systemctl init 0", "halt"):
            result = box.run(command)
            assert result.returncode == 1 and "Can't operate" in result.stderr, command
        assert box.run("runlevel").stdout == "unknown\n"
        box.run("systemctl -v start off", check=True)
        box.run("init q", check=True)
        assert box.run("runlevel").returncode == 1
        box.run("init 0", check=True)
        box.wait_for(lambda: states(box, "off") == ["inactive"])


def test_verbose_shows_what_units_log() -> None:
    unit = "[Service]\nType=oneshot\nExecStart=/bin/echo told\n"
    with Box(init=["sleep", "infinity"], files={"/etc/systemd/system/a.service": unit}) as box:
        shown = [
            box.run(f"systemctl {option} start a", check=True).stdout for option in ("-v", "-vvv", "--verbose", "-q")
        ]
        assert ["]: told\n" in text for text in shown] == [True, True, True, False]
        assert shown[2].count("told") == 1
