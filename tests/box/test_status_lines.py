"""Status lines on a terminal, beside those of real systemd."""

from __future__ import annotations

import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from tests.box.harness import SYSTEMD_PACKAGES, Box

ONESHOT = "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n"
WORDS = "words and " * 12
# What is to be seen of all of these begins with "case".
UNITS = {
    "case-ok": f"[Unit]\nDescription=case that is well\n{ONESHOT}",
    "case-simple": "[Unit]\nDescription=case that runs\n[Service]\nExecStart=/bin/sleep 1000\n",
    "case-nameless": ONESHOT,
    "case-bad": "[Unit]\nDescription=case that fails\n[Service]\nType=oneshot\nExecStart=/bin/false\n",
    "case-\\x2d": "[Unit]\nDescription=case to be quoted\n[Service]\nType=oneshot\nExecStart=/bin/false\n",
    "case-dependent": "[Unit]\nDescription=case that requires\nRequires=case-bad.service\n"
    f"After=case-bad.service\n{ONESHOT}",
    "case-requisite": "[Unit]\nDescription=case that supposes\nRequisite=case-off.service\n"
    f"After=case-off.service\n{ONESHOT}",
    "case-skipped": f"[Unit]\nDescription=case left out\nConditionPathExists=/nowhere\n{ONESHOT}",
    "case-assert": f"[Unit]\nDescription=case is refused\nAssertPathExists=/nowhere\n{ONESHOT}",
    "case-late": "[Unit]\nDescription=case too late\nJobRunningTimeoutSec=100ms\n[Service]\nType=oneshot\n"
    "ExecStart=/bin/sleep 1000\n",
    "case-wide": f"[Unit]\nDescription=case of {WORDS}\n{ONESHOT}",
    "case-broad": f"[Unit]\nDescription=case of 漢漢漢{WORDS}\n{ONESHOT}",
}
SLOW = {
    "case-slow": "[Unit]\nDescription=case of endurance\n[Service]\nType=notify\nNotifyAccess=all\n"
    "ExecStart=/bin/sh -c 'systemd-notify --status=\"on its way\"; sleep 4; systemd-notify --ready; sleep 1000'\n"
    "TimeoutStartSec=infinity\n",
}
BACK, CLEAR = "\x1bM\r\x1b[K", "\x1b[K"


@dataclass(frozen=True)
class Seen:
    """What a terminal showed: the lines about our units, by unit in their order; the welcome; which of our units were
    said to go on, and of the lines around that whether each takes back the one before."""

    lines: Mapping[str, list[str]]
    welcome: str
    going_on: set[str]
    sound: bool


def seen(console: str) -> Seen:
    lines: dict[str, list[str]] = {}
    welcome, going_on, before, sound = "", set(), False, True
    for line in console.replace("\r\r\n", "\r\n").split("\r\n"):
        moves = "running (" in line or "job is running" in line
        sound &= line.startswith(BACK) == before
        text = line.removeprefix(BACK).removeprefix(CLEAR)
        if moves:
            if "case" in text:  # on a busy machine others take long, too
                text = re.sub(r"^\[[\x1b\[0-9;m* ]+\] (\(\d of \d\) )?", "[*] ", text)
                going_on.add(re.sub(r"\(\d+s / ", "(… / ", text))
        elif "Welcome" in text:
            welcome = text
        elif "case" in text and ".service: " not in text:
            found = re.search(r"case(-[\w\\-]+| \w+ \w+)", text)
            assert found
            lines.setdefault(found[0], []).append(text)
        before = moves
    return Seen(lines, welcome, going_on, sound)


def shown(systemd: bool, columns: int, environment: Mapping[str, str], configuration: str, slow: bool) -> Seen:
    units = {**UNITS, **(SLOW if slow else {})}
    files = {f"/etc/systemd/system/{name}.service": text for name, text in units.items()}
    files["/etc/systemd/system/case-off.service"] = ONESHOT
    files["/etc/systemd/system.conf.d/lines.conf"] = f"[Manager]\n{configuration}\n"
    with Box(
        "full", SYSTEMD_PACKAGES, systemd=systemd, files=files, tty=True, environment=environment, boot=False
    ) as box:
        box.resize(columns)
        for name in units:
            box.symlink(
                f"/etc/systemd/system/{name}.service", f"/etc/systemd/system/multi-user.target.wants/{name}.service"
            )
        for name in box.list_directory("/lib/systemd/system-generators"):
            box.symlink("/dev/null", f"/etc/systemd/system-generators/{name}")
        box.boot()
        box.wait_booted()
        box.signal(38)  # SIGRTMIN+4
        box.wait()
        return seen(box.console)


@pytest.mark.parametrize(
    ("columns", "environment", "configuration", "slow"),
    [
        (200, {"TERM": "xterm"}, "", True),
        (80, {"TERM": "xterm", "NO_COLOR": ""}, "StatusUnitFormat=description", False),
    ],
    ids=["in colours", "cut"],
)
def test_they_are_those_of_systemd(columns: int, environment: dict[str, str], configuration: str, slow: bool) -> None:
    with ThreadPoolExecutor() as pool:  # most of the time each waits
        theirs, ours = pool.map(
            lambda systemd: shown(systemd, columns, environment, configuration, slow), (True, False)
        )
    assert ours.lines == theirs.lines
    assert ours.welcome == theirs.welcome != ""
    assert ours.going_on == theirs.going_on
    assert bool(ours.going_on) == slow
    assert ours.sound and theirs.sound
