"""The records of the manager's own lines."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from typing import Any

from systemctl_replacement.journal.writer import Writer
from systemctl_replacement.log_levels import LOG_INFO, LOG_WARNING
from systemctl_replacement.supervision.manager_log import ManagerLog, own_fields

BOOT = "0" * 32


def records(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_record_says_who_speaks_and_of_whom(tmp_path: Path) -> None:
    path = tmp_path / "manager.journal.jsonl"
    log = ManagerLog(Writer(str(path)), None, own_fields(BOOT, ""))
    log.manager(LOG_INFO, "Reloading.")
    log.about("a.service", LOG_INFO, 'Started "a".', "1" * 32, fields=[("JOB_ID", "7"), ("MESSAGE_ID", "x")])
    log.unit("b.service", LOG_WARNING, "odd \udcff")
    reloading, started, odd = records(path)
    common = {"SYSLOG_FACILITY": "3", "SYSLOG_IDENTIFIER": "systemd", "_COMM": "systemd", "_TRANSPORT": "journal"}
    common["_HOSTNAME"] = os.uname().nodename
    assert common.items() <= reloading.items()
    assert (reloading["_SYSTEMD_UNIT"], reloading["_BOOT_ID"], reloading["PRIORITY"]) == ("init.scope", BOOT, "6")
    assert "UNIT" not in reloading
    told = {"UNIT": "a.service", "INVOCATION_ID": "1" * 32, "JOB_ID": "7", "MESSAGE_ID": "x", "MESSAGE": 'Started "a".'}
    assert {**common, **told}.items() <= started.items()
    assert odd["MESSAGE"] == [*b"b.service: odd \xff"]
    assert [record["__SEQNUM"] for record in (reloading, started, odd)] == ["1", "2", "3"]


def test_what_is_stored_has_a_level(tmp_path: Path) -> None:
    path = tmp_path / "manager.journal.jsonl"
    log = ManagerLog(Writer(str(path)), None, own_fields(BOOT, ""))
    log.stored_level = LOG_WARNING
    log.unit("a.service", LOG_INFO, "Started.")
    log.unit("a.service", LOG_WARNING, "Failed.")
    assert [(record["__SEQNUM"], record["MESSAGE"]) for record in records(path)] == [("1", "a.service: Failed.")]


def test_a_daemon_for_syslog_gets_the_lines_up_to_a_level(tmp_path: Path) -> None:
    daemon = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    daemon.bind(str(tmp_path / "syslog"))
    daemon.setblocking(False)
    path = tmp_path / "manager.journal.jsonl"
    log = ManagerLog(Writer(str(path)), None, own_fields(BOOT, ""))
    log.syslog.path, log.syslog_level = str(tmp_path / "syslog"), LOG_WARNING
    log.manager(LOG_INFO, "Startup finished.")
    log.unit("a.service", LOG_WARNING, "Failed \udcff.")
    assert daemon.recv(1000).endswith(b" systemd[%d]: a.service: Failed \xff." % os.getpid())
    daemon.close()
    log.manager(LOG_WARNING, "Nobody hears it.")
    # Who does not read keeps nobody waiting.
    (tmp_path / "syslog").unlink()
    daemon = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    daemon.bind(str(tmp_path / "syslog"))
    for _ in range(1000):
        log.manager(LOG_WARNING, "Much to tell.")
    assert log.syslog.missed > 0
    told = [record for record in records(path) if record["MESSAGE"] != "Much to tell."][3:]
    assert [record["MESSAGE"] for record in told] == ["Forwarding to syslog missed 1 messages."]
    log.tell_missed()
    text = records(path)[-1]["MESSAGE"]
    assert text.startswith("Forwarding to syslog missed ") and int(text.split()[-2]) > 900
