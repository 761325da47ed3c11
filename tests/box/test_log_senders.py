"""Who logs through the sockets: short-lived senders, many at once, hostile ones, and a collector that is killed."""

from __future__ import annotations

import json
import signal
from collections import Counter
from typing import Any

import psutil
import pytest

from tests.box.harness import Box

SOCKETS = "/run/systemd/journal"
BURST = """[Service]
Type=oneshot
ExecStart=/bin/sh -c 'i=0; while [ $i -lt {number} ]; do logger -t {name} $i {end} i=$((i+1)); done; wait'
"""
# What a stranger may send, and how a message is made that is too large.
HOSTILE = r"""
import os, socket, struct
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
def native(data, *fds):
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack("%di" % len(fds), *fds))] if fds else []
    s.sendmsg([data], rights, 0, "/run/systemd/journal/socket")
native(b"".join(b"F%d=x\n" % n for n in range(5000)) + b"MESSAGE=too many fields\n")
native(b"MESSAGE=claims\n_PID=1\n_UID=0\n_SYSTEMD_UNIT=init.scope\n_TRANSPORT=kernel\n__CURSOR=x\nOBJECT_PID=1\n")
native(b"MESSAGE=bytes \xff\0 of any kind\nNUL=\0\n\xff\xfe=1\n")
native(b"MESSAGE\n" + struct.pack("<Q", 2**63) + b"x\n")
native(os.urandom(100_000))
large = os.memfd_create("large", os.MFD_ALLOW_SEALING)
os.write(large, b"MESSAGE=large\n")
os.truncate(large, 100 << 20)
import fcntl; fcntl.fcntl(large, 1033, 0xF)
native(b"", large)
native(b"", os.pipe()[0])
native(b"", *[large] * 200)
s.sendto(b"<13>\0\xff\n\0", "/dev/log")
s.sendto(b"<13>sshd[1]: Accepted\nsystemd[1]: Started everything.", "/dev/log")
streams = []
for n in range(200):
    stream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    stream.connect("/run/systemd/journal/stdout")
    try:
        stream.sendall((b"x\ninit.scope\n6\n1\n0\n0\n0\n" if n % 2 else b"\0" * 300) + b"y" * 40_000)
    except OSError:
        pass
    streams.append(stream)
s.sendto(b"<13>done: done", "/dev/log")
"""
CHATTY = """
import itertools, socket, time
stream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
stream.connect("/run/systemd/journal/stdout")
stream.sendall(b"chatty\\n\\n6\\n0\\n0\\n0\\n0\\n")
log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
for number in itertools.count():
    stream.sendall(b"%d\\n" % number)
    log.sendto(b"<13>chatty-log: %d" % number, "/dev/log")
    time.sleep(0.001)
"""


def records(box: Box, *matches: str) -> list[dict[str, Any]]:
    box.run("journalctl --sync", check=True)
    shown = box.run(["journalctl", "-a", "-o", "json", *matches], check=True).stdout
    return [json.loads(line) for line in shown.splitlines()]


def collector(box: Box) -> list[psutil.Process]:
    return [process for process in box.processes() if process.name() == "collector"]


def test_senders_that_are_gone_at_once_are_of_their_unit_or_of_none() -> None:
    number = 150
    files = {
        "/etc/systemd/system/one.service": BURST.format(number=number, name="one", end=";"),
        "/etc/systemd/system/two.service": BURST.format(number=number, name="two", end="&"),
    }
    with Box(files=files) as box:
        box.wait_booted()
        box.run("systemctl start one two", check=True, timeout=60)
        for name in ("one", "two"):
            found = records(box, "-t", name)
            assert sorted(int(record["MESSAGE"]) for record in found) == list(range(number))
            units = Counter(record.get("_SYSTEMD_UNIT", "") for record in found)
            assert set(units) <= {f"{name}.service", ""} and units[f"{name}.service"] > number / 3
            assert all(record["_PID"] != "1" and record["_UID"] == "0" for record in found)


@pytest.mark.parametrize("user", ["root", "daemon"])
def test_hostile_senders_get_nowhere(user: str) -> None:
    service = f"[Service]\nType=oneshot\nUser={user}\nExecStart=/usr/bin/python3 -IS /hostile.py\n"
    with Box(files={"/hostile.py": HOSTILE, "/etc/systemd/system/hostile.service": service}) as box:
        box.wait_booted()
        (before,) = collector(box)
        box.run("systemctl start hostile", check=True)
        found = records(box, "_SYSTEMD_UNIT=hostile.service")
        uid = box.run(f"id -u {user}").stdout.strip()
        logged = [record for record in found if record["_TRANSPORT"] in ("syslog", "journal")]
        for record in logged:
            assert (record["_UID"], record["_SYSTEMD_UNIT"]) == (uid, "hostile.service") and record["_PID"] != "1"
        messages = [record.get("MESSAGE") for record in logged]
        assert "claims" in messages and "done" in messages
        assert "too many fields" not in messages and "large" not in messages
        assert [*b"bytes \xff\0 of any kind"] in messages
        claims = logged[messages.index("claims")]
        assert claims["_TRANSPORT"] == "journal" and claims["__CURSOR"] != "x"
        assert ("OBJECT_COMM" in claims) == (user == "root")  # root may name what it writes about
        # A message of several lines passes for nobody else's on the container's output.
        assert "\nsystemd[1]: Started everything." not in box.console.replace("\r", "")
        # Nothing of this is a defect, and the same process is still there.
        assert "Cannot handle" not in box.console and "Traceback" not in box.console
        assert collector(box) == [before]
        assert before.memory_full_info().uss < 40 << 20


def test_a_collector_that_is_killed_again_and_again_stops_nobody() -> None:
    service = "[Service]\nExecStart=/usr/bin/python3 -IS /chatty.py\n"
    with Box(files={"/chatty.py": CHATTY, "/etc/systemd/system/chatty.service": service}) as box:
        box.wait_booted()
        box.run("systemctl start chatty", check=True)
        box.wait_for(lambda: records(box, "-t", "chatty"))
        main = box.run("systemctl show -P MainPID chatty").stdout
        killed: set[int] = set()
        for _ in range(3):
            (process,) = box.wait_for(lambda: [one for one in collector(box) if one.pid not in killed], 30)
            killed.add(process.pid)
            count = len(records(box, "-t", "chatty"))
            process.send_signal(signal.SIGKILL)
            box.wait_for(lambda count=count: len(records(box, "-t", "chatty")) > count, 30)  # type: ignore[misc]
        assert box.run("systemctl show -P MainPID chatty").stdout == main
        for name in ("chatty", "chatty-log"):
            found = records(box, "-t", name)
            assert {record["_SYSTEMD_UNIT"] for record in found} == {"chatty.service"}
            numbers = [int(record["MESSAGE"]) for record in found if record["MESSAGE"].isdigit()]
            assert numbers == sorted(set(numbers))
            # What was read and not yet written when it was killed is lost: a turn's worth.
            assert numbers[-1] + 1 - len(numbers) < 3 * 200
