"""What is kept of the output of units, and how it is shown: status, files, limits."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from tests.box.harness import PROFILES, Box
from tests.box.test_main_job import enabled

LOGS = "/var/log/systemctl-replacement"


def records(box: Box, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in box.read(f"{LOGS}/{name}").splitlines()]


def shown(box: Box, command: str) -> list[str]:
    """The messages that `systemctl status` shows."""
    lines = box.run(command).stdout.partition("\n\n")[2].splitlines()
    return [line.partition("]: ")[2] for line in lines]


@pytest.mark.parametrize("init", [["/usr/bin/systemctl", "init"], ["sleep", "infinity"]], ids=["init", "on demand"])
def test_the_lines_of_a_unit_that_is_forgotten(init: list[str]) -> None:
    once = "[Service]\nType=oneshot\nExecStart=/bin/sh -c 'echo one; echo two; echo three'\n"
    with Box(init=init, files={"/etc/systemd/system/once.service": once}) as box:
        box.run("systemctl start once", check=True)
        before = ["Starting once.service...", "one", "two", "three"]
        after = ["once.service: Deactivated successfully.", "Finished once.service."]
        assert shown(box, "systemctl status once") == before + after
        assert shown(box, "systemctl status -n 2 once") == after
        assert box.run("journalctl -q -o cat -u once").stdout.splitlines() == before + after


def test_the_lines_of_a_run_that_has_failed() -> None:
    fails = "[Service]\nExecStart=/bin/sh -c 'echo why; exit 1'\nRestart=on-failure\nRestartSec=1h\n"
    with Box(files={"/etc/systemd/system/fails.service": fails}) as box:
        box.wait_booted()
        box.run("systemctl start fails", check=True)
        box.wait_for(lambda: box.run("systemctl show -P SubState fails").stdout == "auto-restart\n")
        said = shown(box, "systemctl status fails")
        assert said[-2:] == [
            "fails.service: Main process exited, code=exited, status=1/FAILURE",
            "fails.service: Failed with result 'exit-code'.",
        ]
        assert "why" in said


@pytest.mark.parametrize("command", ["ExecStart", "ExecStartPre"])
def test_the_lines_of_a_run_that_has_failed_when_there_were_too_many(command: str) -> None:
    fails = f"[Service]\n{command}=/bin/sh -c 'echo why; exit 1'\nExecStart=true\nRestart=on-failure\n"
    fails = fails.replace("ExecStart=true\n", "") if command == "ExecStart" else fails
    with Box(files={"/etc/systemd/system/fails.service": fails}) as box:
        box.wait_booted()
        box.run("systemctl start fails")
        box.wait_for(lambda: box.run("systemctl show -P SubState fails").stdout == "failed\n")
        box.wait_for(lambda: "Failed to start fails.service." in shown(box, "systemctl status fails")[-1:])
        said = shown(box, "systemctl status fails")
        assert "why" in said
        assert any("process exited, code=exited, status=1/FAILURE" in line for line in said)
        assert said[-3:-1] == [
            "fails.service: Start request repeated too quickly.",
            "fails.service: Failed with result 'exit-code'.",
        ]


def test_the_lines_of_another_boot_are_not_shown() -> None:
    once = "[Service]\nType=oneshot\nExecStart=/bin/echo one\n"
    with Box(files={"/etc/systemd/system/once.service": once}) as box:
        box.wait_booted()
        box.run("systemctl start once", check=True)
        box.signal(15)
        box.wait()
        box.boot()
        box.wait_booted()
        assert shown(box, "systemctl status once") == []
        box.run("systemctl start once", check=True)
        assert shown(box, "systemctl status once").count("one") == 1
        numbers = [int(record["__SEQNUM"]) for record in records(box, "once.service.journal.jsonl")]
        assert numbers == [1, 2]


def test_a_unit_with_a_name_that_is_too_long_for_a_file() -> None:
    name = f"{'x' * 240}.service"
    with Box(files={f"/etc/systemd/system/{name}": "[Service]\nType=oneshot\nExecStart=/bin/echo heard\n"}) as box:
        box.wait_booted()
        box.run(f"systemctl start {name}", check=True)
        assert "heard" in shown(box, f"systemctl status {name}")
        (file,) = [file for file in box.list_directory(LOGS) if file.startswith("xxx")]
        assert records(box, file)[0]["_SYSTEMD_UNIT"] == name


SAYS = r"""#!/bin/sh
echo '{"_PID":"1","__SEQNUM":"9"}'
printf '\033[2J\n'
systemd-notify --ready --status="$(printf '\033[31mred')"
exec sleep infinity
"""


def test_what_a_service_prints_is_data() -> None:
    say = "[Service]\nType=notify\nNotifyAccess=all\nExecStart=/says\n"
    files = {**enabled("say.service", say), "/says": SAYS}
    with Box(packages=["systemd"], files=files, init=["systemctl", "init", "--log-format=json"]) as box:
        box.wait_booted()
        first, second = records(box, "say.service.journal.jsonl")[:2]
        assert first["MESSAGE"] == '{"_PID":"1","__SEQNUM":"9"}'
        assert first["_PID"] != "1" and first["__SEQNUM"] == "1"
        assert second["MESSAGE"] == "\x1b[2J"
        box.wait_for(lambda: first in map(json.loads, box.console.splitlines()), what="the record")
        # Neither a pipe nor a terminal gets an escape sequence.
        for command in ("systemctl status say", "script -qc 'SYSTEMD_PAGER= systemctl status say' /dev/null"):
            text = box.run(command, environment={"TERM": "dumb"}).stdout
            assert 'Status: "\\033[31mred"' in text
            assert "]: [4B blob data]" in text
            assert "\x1b" not in text
        # A program gets the text unchanged, a person what can be shown of it.
        assert box.run("systemctl show -P StatusText say").stdout == "\x1b[31mred\n"
        asked = "script -qc 'SYSTEMD_PAGER= systemctl show -P StatusText say 2>/dev/null' /dev/null"
        assert box.run(asked).stdout == "\\033[31mred\n"


@pytest.mark.parametrize("told", [False, True])
def test_journals_have_a_limit_together(told: bool) -> None:
    # If /var/log cannot be written, journals are in the runtime directory: a tmpfs, of which they may take a tenth.
    megabyte = 1024 * 1024
    script = "yes $(printf %%0500d 0) | head -n 6000; echo end of %i"
    flood = f"[Service]\nType=oneshot\nExecStart=/bin/sh -c '{script}'\n"
    files = {"/etc/systemd/system/flood@.service": flood}
    if told:
        files["/etc/systemd/journald.conf"] = "[Journal]\nSystemMaxUse=1M\nRuntimeMaxUse=2M\n"
    with Box("full", read_only_root=True, files=files) as box:
        if not told:
            box.run("mount -o remount,size=20M /run", check=True)
        box.wait_booted()
        for number in range(5):
            box.run(f"systemctl start flood@{number}", check=True)
            assert f"end of {number}" in shown(box, f"systemctl status flood@{number}")
        directory = "/run/systemd/log"
        assert not [name for name in box.list_directory(directory) if name.startswith("flood@0.service@")]
        assert int(box.run(f"du -sb {directory}", check=True).stdout.split()[0]) < 3 * megabyte


def kilobytes(box: Box) -> int:
    return int(box.run(f"du -sk {LOGS}", check=True).stdout.split()[0])


def test_units_that_print_little_and_end_share_the_limit() -> None:
    prints = "[Service]\nType=oneshot\nExecStart=/usr/bin/seq -f %%0400g 600\n"
    limit = "[Journal]\nSystemMaxUse=2M\n"
    files = {"/etc/systemd/system/prints@.service": prints, "/etc/systemd/journald.conf": limit}
    with Box(files=files) as box:
        box.wait_booted()
        box.run("for i in $(seq 1 16); do systemctl start prints@$i; done", check=True)
        box.wait_for(lambda: kilobytes(box) <= 2048)
        assert "prints@16.service.journal.jsonl" in box.list_directory(LOGS)
        # Logs of units that ended long ago are removed before those of running units.
        box.run(f"touch -d '30 days ago' {LOGS}/prints@*; systemctl start prints@live", check=True)
        box.run("systemctl restart prints@live", check=True)
        box.wait_for(lambda: kilobytes(box) <= 2048)
        live = [name for name in box.list_directory(LOGS) if name.startswith("prints@live")]
        assert sum(len(records(box, name)) for name in live) == 2 * 600


def test_the_managers_file_is_kept_to_the_limit() -> None:
    files = {"/etc/systemd/journald.conf": "[Journal]\nSystemMaxUse=1M\n"}
    with Box(files=files) as box:
        box.wait_booted()
        box.run(f"head -c 600000 /dev/zero | tr '\\0' '\\n' >> {LOGS}/manager.journal.jsonl", check=True)
        box.run("systemctl start missing; systemctl daemon-reexec; systemctl start dbus.socket")
        box.wait_for(lambda: any(name.startswith("manager@") for name in box.list_directory(LOGS)))


WARNING = "\n\nWarning: some journal files were not opened due to insufficient permissions.\n"


def test_who_may_not_read_is_told() -> None:
    runs = "[Service]\nExecStart=/bin/sh -c 'echo one; exec sleep infinity'\n"
    with Box(files=enabled("a.service", runs)) as box:
        box.wait_booted()
        box.wait_for(lambda: "one" in shown(box, "systemctl status a"))
        assert box.run("systemctl status a", user="nobody").stdout.endswith(WARNING)
        assert "Warning" not in box.run("systemctl status -n 0 a", user="nobody").stdout
        box.run(f"chmod a+r {LOGS}/*")
        assert "one" in box.run("systemctl status a", user="nobody").stdout
        assert "Warning" not in box.run("systemctl status a", user="nobody").stdout


def test_a_fifo_of_another_user_keeps_nobody_waiting() -> None:
    # /run is open to everybody, PID 1 is not root, and root comes with `docker exec -u 0`.
    user = ["setpriv", "--reuid", "1000", "--regid", "1000", "--clear-groups"]
    profile = dataclasses.replace(PROFILES["docker"], tmpfs=(("/run", "1777"), ("/tmp", "1777")))
    files = {"/etc/systemd/system/a.service": "[Service]\nExecStart=/bin/sleep infinity\n"}
    with Box(profile, init=[*user, "/usr/bin/systemctl", "init"], files=files) as box:
        box.wait_booted()
        journals = "/run/systemd/log/manager.journal.jsonl /run/systemd/log/a.service.journal.jsonl"
        box.run(f"systemctl start a; rm -f {journals}; mkfifo {journals}", user="1000:1000", check=True)
        for who in ("0", "1000:1000"):
            assert "active (running)" in box.run("timeout 10 systemctl status a", user=who).stdout
        box.run("systemctl restart a; systemctl stop a", user="1000:1000", check=True)
