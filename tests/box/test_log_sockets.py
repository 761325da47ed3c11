"""The sockets that programs log through: there whatever becomes of who reads them, and left to those who have them."""

from __future__ import annotations

import json
import signal
from typing import Any, Optional

import pytest

from tests.box.harness import PROFILES, Box
from tests.box.test_main_job import enabled

RECEIVED = "/var/log/systemctl-replacement/received"
WAITS = "until test -e /run/go; do sleep .02; done"
LOGS = enabled(
    "logs.service",
    "[Service]\nType=simple\nExecStart=/bin/sh -c 'logger -t at-boot first; "
    'trap "logger -t at-halt last; exit 0" TERM; touch /run/logs; while :; do sleep .05; done\'\n',
)
# What rsyslog, without support for systemd, and busybox syslogd do.
DAEMON = """\
import os, signal, socket, sys
if os.path.lexists("/dev/log"):
    os.unlink("/dev/log")
log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
log.bind("/dev/log")
os.chmod("/dev/log", 0o666)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
with open("/var/daemon", "ab", 0) as file:
    while True:
        file.write(log.recv(1000) + b"\\n")
"""


def received(box: Box, identifier: str, directory: str = RECEIVED) -> list[dict[str, Any]]:
    """The messages with this identifier that have been received."""
    lines = box.run(f"cat {directory}/*.journal.jsonl").stdout.splitlines()
    records = [json.loads(line) for line in lines if line.endswith("}")]
    return [record for record in records if record.get("SYSLOG_IDENTIFIER") == identifier]


def await_one(box: Box, identifier: str, directory: str = RECEIVED) -> dict[str, Any]:
    [record] = box.wait_for(lambda: received(box, identifier, directory), what=f"what {identifier} has logged")
    return record


def log(box: Box, identifier: str, directory: Optional[str] = None) -> dict[str, Any]:
    """Log a message outside of units, which must arrive."""
    box.run(["logger", "-t", identifier, f"from {identifier}"], check=True)
    return await_one(box, identifier, directory or RECEIVED)


def test_a_life() -> None:
    with Box(files=LOGS) as box:
        box.wait_booted()
        assert box.run("readlink /dev/log; stat -c '%A %U %n' /run/systemd/journal/*").stdout.splitlines() == [
            "/run/systemd/journal/dev-log",
            "srw-rw-rw- root /run/systemd/journal/dev-log",
            "srw-rw-rw- root /run/systemd/journal/socket",
            "srw-rw-rw- root /run/systemd/journal/stdout",
        ]
        assert await_one(box, "at-boot")["MESSAGE"] == "first"
        assert "_SYSTEMD_UNIT" not in log(box, "me")
        # Administrators may read all of it.
        everything = "find /var/log/systemctl-replacement -printf '%g %M %y\\n' | sort -u"
        assert box.run(everything).stdout.splitlines() == ["adm -rw-r----- f", "adm drwxr-s--- d", "adm drwxr-sr-x d"]
        # The collector goes along, and what a program prints to it goes on.
        stream = box.popen(f"systemd-cat -t stream sh -c 'echo before; {WAITS}; echo after; touch /run/gone'")
        await_one(box, "stream")
        collector = box.inner_pid(box.sole("collector"))
        box.run("systemctl daemon-reexec", check=True)
        log(box, "reexecuted")
        assert box.inner_pid(box.sole("collector")) == collector
        # Killed, it is replaced, and nothing is refused meanwhile.
        box.sole("collector").kill()
        for number in range(5):
            box.run(["logger", "-t", "meanwhile", str(number)], check=True)
        box.wait_for(lambda: [each["MESSAGE"] for each in received(box, "meanwhile")] == list("01234"))
        box.run("touch /run/go")
        assert stream.wait(10) == 0
        box.wait_for(lambda: [each["MESSAGE"] for each in received(box, "stream")] == ["before", "after"])
        # Emptied, /run has them again.
        box.run("rm -r /run/systemd/journal; systemctl daemon-reload", check=True)
        log(box, "again")
        # The last words of the last service are in the container's output, and then it ends.
        box.signal(signal.SIGTERM)
        assert box.wait() == 0
        box.wait_for(lambda: "at-halt[" in box.console, what="the last line")
        for line in ("at-boot[", "me[", "stream[", "meanwhile[", "again["):
            assert line in box.console
        last = box.read(f"{RECEIVED}/logs.service.journal.jsonl").splitlines()[-1]
        assert json.loads(last)["MESSAGE"] == "last"


def test_everything_but_pid_1_is_killed() -> None:
    with Box(files=LOGS) as box:
        box.wait_booted()
        box.run("kill -9 -1")
        log(box, "afterwards")
        assert "at-boot" in [record["SYSLOG_IDENTIFIER"] for record in received(box, "at-boot")]


def test_a_stopped_collector_goes_on_when_units_wait() -> None:
    unit = "[Service]\nType=oneshot\nExecStart=/bin/sh -c 'for i in $(seq 600); do echo $i; done | logger -t many'\n"
    with Box(files={"/etc/systemd/system/many.service": unit}) as box:
        box.wait_booted()
        log(box, "me")
        box.sole("collector").suspend()
        # The kernel queues a few hundred datagrams at most.
        box.run("systemctl start many", check=True)
        box.wait_for(lambda: len(received(box, "many")) == 600)


def test_a_daemon_for_syslog_takes_and_leaves_dev_log() -> None:
    unit = "[Service]\nExecStart=/usr/bin/python3 /daemon.py\n"
    with Box(files={"/daemon.py": DAEMON, "/etc/systemd/system/daemon.service": unit}) as box:
        box.wait_booted()
        box.run("systemctl start daemon", check=True)
        box.wait_for(lambda: box.run("test -S /dev/log -a ! -L /dev/log").returncode == 0)
        box.run("systemctl daemon-reload; systemctl daemon-reexec; logger -t me to the daemon", check=True)
        box.wait_for(lambda: "to the daemon" in box.read("/var/daemon"), what="what the daemon got")
        assert not received(box, "me")
        # It leaves its socket behind.
        box.run("systemctl stop daemon", check=True)
        box.wait_for(lambda: box.run("test -L /dev/log").returncode == 0)
        log(box, "me")


def test_the_host_s_are_left_alone() -> None:
    """As with `docker run -v /dev/log:/dev/log -v /run/systemd/journal:/run/systemd/journal`."""
    program = DAEMON.replace("/dev/log", "/run/systemd/journal/socket")
    started = "mkdir -p /run/systemd/journal; python3 /daemon.py & until test -S /run/systemd/journal/socket; "
    init = ["/bin/sh", "-c", f"{started}do sleep .02; done; exec /usr/bin/systemctl init"]
    with Box(files={"/daemon.py": program}, init=init) as box:
        box.wait_booted()
        log(box, "me")
        send = "import socket; socket.socket(1, 2).sendto(b'MESSAGE=native', '/run/systemd/journal/socket')"
        box.run(["python3", "-c", send], check=True)
        box.wait_for(lambda: "MESSAGE=native" in box.read("/var/daemon"))
        # Programs are not told to log to somebody else.
        assert box.run("systemd-run -P env 2>/dev/null | grep JOURNAL_STREAM").stdout == ""


def test_on_demand() -> None:
    """In a container without an init: from the first command that starts a manager until that ends."""
    with Box(init=["/bin/sleep", "infinity"]) as box:
        assert not box.exists("/dev/log")
        unit = "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/usr/bin/logger -t unit started\n"
        box.write("/etc/systemd/system/a.service", unit)
        box.run("systemctl start a", check=True)
        assert await_one(box, "unit")["_SYSTEMD_UNIT"] == "a.service"
        log(box, "me")
        box.run("systemctl stop a", check=True)
        (manager,) = box.find("--on-demand")
        manager.terminate()
        box.wait_for(lambda: not box.find("collector"), timeout=20, what="the manager to leave")
        assert box.run("ls -d /dev/log /run/systemd/journal/socket").stdout == ""


@pytest.mark.parametrize("profile", ["openshift", "read-only"])
def test_what_is_possible_elsewhere(profile: str) -> None:
    """Where /dev is not ours to write to it is said, and what can be had there is."""
    with Box(profile=profile if profile == "openshift" else None, read_only_root=profile == "read-only") as box:
        box.wait_booted()
        said = box.run("cat /run/systemd/log/manager.journal.jsonl /var/log/systemctl-replacement/manager*").stdout
        if profile == "openshift":
            missing = "Programs cannot log through /dev/log: Permission denied."
            assert missing in said
            box.wait_for(lambda: missing in box.console, what="the same in the container's output")
            box.run(["logger", "-u", "/run/systemd/journal/dev-log", "-t", "me", "hello"], check=True)
            box.wait_for(lambda: "hello" in box.run("cat /run/systemd/log/received/other*").stdout)
            assert box.console.count(missing) == 1
        else:
            log(box, "me", "/run/systemd/log/received")
            assert "Programs cannot log" not in said


def test_where_no_program_looks_for_them_it_is_said() -> None:
    unit = "[Service]\nType=oneshot\nExecStart=/bin/sh -c 'echo stream $${JOURNAL_STREAM-none}'\n"
    with Box("bare", files={"/etc/systemd/system/a.service": unit}) as box:
        box.wait_booted()
        said = box.run("journalctl -o cat").stdout
        assert "Programs cannot log through /run/systemd/journal: it is /dev/shm/systemctl-0/journal here.\n" in said
        box.run("systemctl start a", check=True)
        assert "stream none\n" in box.run("journalctl -o cat -u a").stdout
        box.run(["logger", "-u", "/dev/shm/systemctl-0/journal/dev-log", "-t", "me", "hello"], check=True)
        box.wait_for(lambda: box.run("journalctl -o cat -t me").stdout == "hello\n", what="the message")


def test_a_daemon_for_syslog_gets_everything_and_storage_may_be_none() -> None:
    """As rsyslog does on syslog.socket."""
    program = (
        "import socket\n"
        "log = socket.socket(fileno=3)\n"
        'with open("/var/daemon", "ab", 0) as file:\n'
        "    while True:\n"
        '        file.write(log.recv(1000) + b"\\n")\n'
    )
    files = {
        "/daemon.py": program,
        "/etc/systemd/journald.conf.d/none.conf": "[Journal]\nStorage=none\nForwardToConsole=yes\n",
        "/etc/systemd/system/d.socket": "[Socket]\nListenDatagram=/run/systemd/journal/syslog\n",
        "/etc/systemd/system/d.service": "[Unit]\nRequires=d.socket\n"
        "[Service]\nExecStart=/usr/bin/python3 /daemon.py\n",
        "/etc/systemd/system/print.service": "[Service]\nType=oneshot\nExecStart=/bin/echo printed\n",
    }
    with Box(files=files, init=["/usr/bin/systemctl", "init", "--log-console-identifiers=~me"]) as box:
        box.wait_booted()
        box.run("systemctl start d && logger -t me logged && systemctl start print", check=True)
        for line in ("<13>", "]: printed\n"):
            box.wait_for(lambda line=line: line in box.run("cat /var/daemon").stdout, what=line)  # type: ignore[misc]
        # The manager, which has found nobody there while it booted, looks again after a second.
        finished = "systemd[1]: Finished print.service"
        box.wait_for(
            lambda: not box.run("systemctl start print").returncode and finished in box.run("cat /var/daemon").stdout,
            what=finished,
        )
        assert ": logged\n" in box.run("cat /var/daemon").stdout
        assert box.run("find / -xdev -name '*.jsonl'").stdout == ""
        box.wait_for(lambda: "printed" in box.console)
        assert "logged" not in box.console


def test_below_var_as_soon_as_that_can_be_written_to() -> None:
    closed = "mount --bind /var/log /var/log; mount -o remount,ro,bind /var/log; exec systemctl init"
    opens = "[Service]\nType=oneshot\nExecStart=logger -t a at-first\nExecStart=/bin/umount /var/log\n"
    files = enabled("opens.service", opens)
    with Box(PROFILES["full"], init=["/bin/sh", "-c", closed], files=files) as box:
        box.wait_booted()
        await_one(box, "a", "/run/systemd/log/received")
        moved = "The log is written to /var/log/systemctl-replacement from now on."
        box.wait_for(lambda: moved in box.run("journalctl -q -o cat").stdout, what="the end of the boot")
        box.run("journalctl --sync", check=True)
        log(box, "b")
        owners = box.run("stat -c '%U %G %a' /run/systemd/log/received /var/log/systemctl-replacement/received").stdout
        assert len(set(owners.splitlines())) == 1
        assert box.run("journalctl -q -o cat -t a -t b").stdout == "at-first\nfrom b\n"
        box.run("journalctl --relinquish-var && mount -t tmpfs none /var/log", check=True)
        log(box, "c", "/run/systemd/log/received")
        box.run("umount /var/log && journalctl --flush", check=True)
        log(box, "d")
        assert box.run("journalctl -q -o cat -t b -t c -t d").stdout == "from b\nfrom c\nfrom d\n"
