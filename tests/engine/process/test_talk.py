"""What a unit sends to its notify socket and its log pipe: where it goes, and that nobody waits for anybody."""

from __future__ import annotations

import json
import os
import re
import select
import signal
import socket
import sys
import tty
from pathlib import Path
from typing import Any

import pytest

from systemctl_replacement import wire
from systemctl_replacement.process import exec_spec
from systemctl_replacement.process.exec_spec import EnvironmentFile
from systemctl_replacement.supervision.client import make_pair
from tests.engine.process.tree import Event, Tree, Unit, make_spec

SENDER = """
import array, os, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.connect(sys.argv[1])
{body}
"""


def send_from_child(unit: Unit, body: str, **spec: Any) -> int:
    """Run a program that talks to the notify socket. Returns its pid after its end."""
    token = unit.spawn(sys.executable, "-IS", "-c", SENDER.format(body=body), unit.notify_path, **spec)
    unit.wait("exited", token=token)
    return int(unit.wait("forked", token=token)["pid"])


def notifications(unit: Unit) -> list[Event]:
    return [event for event in unit.events if event["ev"] == "notify"]


def test_what_a_dying_process_said_comes_before_its_end(unit: Unit) -> None:
    for _ in range(20):
        unit.forget()
        pid = send_from_child(unit, "s.send(b'READY=1\\nSTATUS=up = fine'); os._exit(3)", role="main")
        kinds = [event["ev"] for event in unit.events if event["ev"] in ("notify", "exited", "executed", "forked")]
        assert kinds == ["forked", "executed", "notify", "exited"]
        assert notifications(unit)[0]["text"] == {"READY": "1", "STATUS": "up = fine"}
        assert (notifications(unit)[0]["pid"], notifications(unit)[0]["uid"]) == (pid, os.geteuid())


@pytest.mark.parametrize(
    ("access", "role", "accepted"),
    [
        ("none", "main", False),
        ("main", "main", True),
        ("main", "control", False),
        ("exec", "control", True),
        ("exec", "", False),
        ("all", "", True),
    ],
)
def test_notify_access(unit: Unit, access: str, role: str, accepted: bool) -> None:
    unit.send("identity", notify_access=access)
    pid = send_from_child(unit, "s.send(b'READY=1')", role=role)
    assert bool(notifications(unit)) == accepted
    if not accepted:
        assert any(f"Got notification message from PID {pid}" in message for message in unit.messages())


def test_strangers_are_not_heard(unit: Unit) -> None:
    unit.send("identity", notify_access="all")
    stranger = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    stranger.sendto(b"READY=1", unit.notify_path)
    unit.wait("exited", pid=unit.shell("exit 0"))
    assert not notifications(unit)
    assert f"test.service: Cannot find unit for notify message of PID {os.getpid()}, ignoring." in unit.messages()
    stranger.close()


def test_garbage_is_logged_and_ignored(unit: Unit) -> None:
    unit.send("identity", notify_access="all")
    body = """
for data in (b"", b"\\0", b"x", b"\\xff" * 100, b"READY=1\\0more", b"A" * 4097, b"A=1" * 100000, b"=x", b"\\n\\n"):
    try:
        s.send(data)
    except OSError:
        pass
r, w = os.pipe()
s.sendmsg([b"X=1"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [r] * 253))])
s.send(b"STATUS=\\xff still here\\0")
"""
    unit.wait("exited", pid=unit.shell("echo the journal is open now"))
    before = len(os.listdir(f"/proc/{unit.pid}/fd"))
    send_from_child(unit, body)
    texts = [event["text"] for event in notifications(unit)]
    assert texts == [{"X": "1"}, {"STATUS": "\udcff still here"}]
    messages = unit.messages()
    assert "test.service: Received notify message with embedded NUL bytes. Ignoring." in messages
    assert "test.service: Received notify message exceeded maximum size. Ignoring." in messages
    assert len(os.listdir(f"/proc/{unit.pid}/fd")) == before


def test_stored_descriptors_are_passed_up_and_a_barrier_is_closed(unit: Unit) -> None:
    unit.send("identity", notify_access="all")
    unit.send("store", room=1, answer=False)
    body = """
r, w = os.pipe()
b, a = os.pipe()
def send(data, *fds):
    s.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))])
send(b"FDSTORE=1\\nFDNAME=x", r)
send(b"READY=1", r)
send(b"BARRIER=1", a)
os.close(a)
sys.exit(len(os.read(b, 1)))
"""
    send_from_child(unit, body)
    assert [event["text"] for event in notifications(unit)] == [{"FDSTORE": "1", "FDNAME": "x"}, {"READY": "1"}]
    assert unit.wait("exited")["status"] == 0
    stored = unit.fds[unit.events.index(notifications(unit)[0])]
    assert len(stored) == 1 and len(unit.fds) == 1
    os.close(stored[0])


def test_as_many_descriptors_as_the_kernel_lets_a_service_send_are_passed_up(unit: Unit) -> None:
    unit.send("identity", notify_access="all")
    unit.send("store", room=1, answer=False)
    before = len(os.listdir(f"/proc/{unit.pid}/fd"))
    body = """
fds = array.array("i", [0] * 253)
s.sendmsg([b"FDSTORE=1\\nSTATUS=x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)])
"""
    send_from_child(unit, body)
    unit.wait("exited")
    texts = [event["text"] for event in notifications(unit)]
    assert texts == [{"FDSTORE": "1", "STATUS": "x"}]
    stored = [fd for fds in unit.fds.values() for fd in fds]
    for fd in stored:
        os.close(fd)
    assert len(stored) == 253
    assert len(os.listdir(f"/proc/{unit.pid}/fd")) <= before


def test_lines_become_records(unit: Unit) -> None:
    pid = unit.shell("printf 'one\\n\\n<3>bad\\n<9>odd\\ntwo\\377\\n'; printf unfinished", syslog_identifier="name%d")
    unit.wait("exited", pid=pid)
    lines = unit.lines()
    assert [line["MESSAGE"] for line in lines] == ["one", "bad", "<9>odd", list(b"two\xff"), "unfinished"]
    assert [line["PRIORITY"] for line in lines] == ["6", "3", "6", "6", "6"]
    first = lines[0]
    assert first["_SYSTEMD_UNIT"] == "test.service" and first["_SYSTEMD_INVOCATION_ID"] == "0" * 32
    assert first["SYSLOG_IDENTIFIER"] == "name%d" and first["_PID"] == str(pid)
    assert int(first["__REALTIME_TIMESTAMP"]) > 10**15 and "__MONOTONIC_TIMESTAMP" in first
    assert os.stat(unit.journal).st_mode & 0o777 == 0o640


def test_long_lines_are_split(unit: Unit) -> None:
    unit.wait("exited", pid=unit.shell("head -c 100000 /dev/zero | tr '\\0' x; echo; echo end"))
    assert [len(message) for message in unit.messages()] == [49152, 49152, 1696, 3]


def test_anything_may_be_printed(unit: Unit) -> None:
    # 10 MiB without a newline, NUL bytes, bytes that are not UTF-8, control characters.
    script = "head -c 10485760 /dev/zero | tr '\\0' x; printf 'a\\0b\\n\\0\\n\\377\\376\\n\\033[31m\\r\\n'"
    unit.wait("exited", pid=unit.shell(script))
    messages = [line["MESSAGE"] for line in unit.lines()]
    joined = b"".join(bytes(message) if isinstance(message, list) else message.encode() for message in messages)
    assert joined.count(b"x") == 10 << 20
    # A NUL byte ends a line, and trailing blanks are removed.
    assert joined.lstrip(b"x") == b"ab\xff\xfe\x1b[31m"
    assert unit.find("problem") is None


def test_settings_change_what_records_carry(unit: Unit) -> None:
    unit.send("settings", fields={"_SYSTEMD_INVOCATION_ID": "1" * 32}, level_prefix=False, priority=4)
    unit.wait("exited", pid=unit.shell("echo '<3>x'"))
    line = unit.lines()[0]
    assert (line["MESSAGE"], line["PRIORITY"], line["_SYSTEMD_INVOCATION_ID"]) == ("<3>x", "4", "1" * 32)


def test_lines_above_the_highest_level_are_lost(unit: Unit) -> None:
    unit.send("settings", fields={"A": "100%", "SYSLOG_FACILITY": "16"}, max_priority=4)
    unit.wait("exited", pid=unit.shell("echo info; echo '<4>warning'; echo '<5>notice'; echo '<3>error'; echo info"))
    lines = unit.lines()
    assert [(line["MESSAGE"], line["PRIORITY"]) for line in lines] == [("warning", "4"), ("error", "3")]
    assert {(line["A"], line["SYSLOG_FACILITY"]) for line in lines} == {("100%", "16")}
    unit.send("settings", fields={}, priority=3, max_priority=3)
    unit.wait("exited", pid=unit.shell("echo usual; echo '<4>more'"))
    assert unit.messages()[2:] == ["usual"]
    assert "A" not in unit.lines()[-1]


def test_a_flood_blocks_nobody_and_loses_nothing_in_the_journal(unit: Unit) -> None:
    flooding = unit.spawn("/bin/sh", "-c", "seq 40000", role="main")
    # Meanwhile its supervisor answers.
    unit.wait("executed", token=flooding)
    unit.wait("exited", pid=unit.shell("exit 5"))
    unit.wait("exited", token=flooding)
    assert unit.messages() == [str(number) for number in range(1, 40001)]


# --- the console ---


class Screen:
    """A console process, the reading end of whose stdout we hold."""

    def __init__(self, tree: Tree, as_json: bool = False, is_tty: bool = False) -> None:
        self.tree = tree
        self.read_end, write_end = os.openpty() if is_tty else os.pipe()
        if is_tty:
            tty.setraw(self.read_end)
        os.set_blocking(self.read_end, False)
        self.link, theirs = make_pair()
        tree.forkserver.request_console(theirs, write_end, as_json, is_tty)
        os.close(theirs)
        os.close(write_end)
        self.text = b""
        self.replies: list[Event] = []

    def source(self, unit: str) -> int:
        """A supervisor's connection to the console."""
        ours, theirs = make_pair()
        self.link.send({"op": "add", "unit": unit}, [theirs])
        os.close(theirs)
        return ours.socket.detach()

    def wait_for(self, text: bytes) -> None:
        self.tree.until(lambda: text in self.read(), f"{text!r} in {self.text[-300:]!r}")

    def read(self) -> bytes:
        while True:
            try:
                data = os.read(self.read_end, 65536)
            except BlockingIOError:
                return self.text
            if not data:
                return self.text
            self.text += data

    def flushed(self) -> None:
        self.link.send({"op": "flush"})
        self.tree.until(self._answered, "flushed")

    def _answered(self) -> bool:
        self.read()
        self.replies += [message for message, _ in self.link.receive() if message["ev"] == "flushed"]
        return bool(self.replies)


def show_on(screen: Screen, unit: Unit, as_json: bool = False) -> None:
    fd = screen.source(unit.name)
    unit.send("console", fd, json=as_json)
    os.close(fd)


def test_lines_reach_the_container(tree: Tree, unit: Unit) -> None:
    screen = Screen(tree)
    show_on(screen, unit)
    pid = unit.shell("echo hello; echo '<4>careful'")
    unit.wait("exited", pid=pid)
    screen.link.send({"op": "write", "text": "[  OK  ] Started.\n"})
    screen.link.send({"op": "record", "record": {"SYSLOG_IDENTIFIER": "systemd", "_PID": "1", "MESSAGE": "done"}})
    screen.flushed()
    assert screen.text == b"sh[%d]: hello\nsh[%d]: careful\n[  OK  ] Started.\nsystemd[1]: done\n" % (pid, pid)
    screen.link.close()


def test_records_reach_the_container(tree: Tree, unit: Unit) -> None:
    screen = Screen(tree, as_json=True)
    show_on(screen, unit, as_json=True)
    unit.wait("exited", pid=unit.shell("echo hello"))
    screen.wait_for(b"hello")
    assert json.loads(screen.text)["MESSAGE"] == "hello"
    screen.link.close()


def test_lines_return_on_a_raw_terminal(tree: Tree) -> None:
    screen = Screen(tree, is_tty=True)
    screen.link.send({"op": "write", "text": "raw\n"})
    screen.flushed()
    screen.wait_for(b"raw\r\n")
    screen.link.close()


def test_a_line_for_now_is_taken_back_by_the_next(tree: Tree, unit: Unit) -> None:
    screen = Screen(tree, is_tty=True)
    show_on(screen, unit)
    for text in ("one", "two"):
        screen.link.send({"op": "for-now", "text": f"{text}\n"})
        screen.wait_for(text.encode())
    pid = unit.shell("echo hello; echo again")
    screen.wait_for(b"again\r\n")
    screen.link.send({"op": "for-now", "text": "three\n"})
    screen.wait_for(b"three")
    screen.link.send({"op": "write", "text": "end\n"})
    screen.flushed()
    screen.wait_for(b"end\r\n\x1b[K")
    back = b"\x1bM\r\x1b[K"
    said = b"sh[%d]: hello\r\nsh[%d]: again\r\n" % (pid, pid)
    printed = screen.text.replace(back + said + b"\x1b[K", back + said)  # in one piece, or in two
    printed = printed.replace(b"hello\r\n\x1b[K", b"hello\r\n")
    assert printed == b"one\r\n" + back + b"two\r\n" + back + said + b"three\r\n" + back + b"end\r\n\x1b[K"
    screen.link.close()


def test_the_manager_gets_what_no_console_came_for(tree: Tree, unit: Unit) -> None:
    dead, source = make_pair()
    dead.close()
    unit.send("console", source, json=False)
    os.close(source)
    pid = unit.shell("echo my last words")
    unit.wait("exited", pid=pid)
    unit.send("release")
    assert unit.wait("unshown")["text"] == f"sh[{pid}]: my last words\n"


@pytest.mark.parametrize("released", [False, True])
def test_a_blocked_console_blocks_nobody_and_drops_are_counted(tree: Tree, unit: Unit, released: bool) -> None:
    screen = Screen(tree)
    show_on(screen, unit)
    pid = unit.shell("seq 40000")
    unit.wait("exited", pid=pid)
    assert len(unit.messages()) == 40000
    told = 0  # a supervisor that ends before it can say so on the console tells the manager
    if released:
        unit.send("release")
        told = unit.wait("log-dropped")["count"]

    def shown() -> int:
        return screen.read().count(b"sh[%d]: " % pid)

    def announced() -> int:
        pattern = rb"systemd\[\d+\]: test.service: (\d+) lines dropped, the console was blocked\n"
        return sum(map(int, re.findall(pattern, screen.read())))

    tree.until(lambda: shown() + announced() + told == 40000, "all lines, shown or counted")
    assert announced() + told > 0
    screen.link.close()


def test_a_dead_console_is_replaced(tree: Tree, unit: Unit) -> None:
    first = Screen(tree)
    show_on(first, unit)
    tree.until(lambda: any(answer["tag"] == "console" for answer in _answers(tree)))
    console = next(answer["pid"] for answer in tree.answers if answer["tag"] == "console")
    os.kill(console, 9)
    poll = select.poll()
    poll.register(first.link.fileno(), select.POLLIN)
    poll.poll()
    unit.wait("exited", pid=unit.shell("echo kept"))
    second = Screen(tree)
    show_on(second, unit)
    unit.wait("exited", pid=unit.shell("echo found"))
    second.wait_for(b"found")
    assert second.text.index(b": kept\n") < second.text.index(b": found\n")
    assert unit.messages() == ["kept", "found"]
    first.link.close()
    second.link.close()


def _answers(tree: Tree) -> list[Event]:
    tree.answers += tree.forkserver.receive()
    return tree.answers


def test_a_full_disk_stops_nobody(tree: Tree, tmp_path: Path) -> None:
    if not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full")
    unit = Unit.__new__(Unit)
    (tmp_path / "full.service.journal.jsonl").symlink_to("/dev/full")
    tree.units.append(unit)
    Unit.__init__(unit, tree, "full.service", tmp_path)
    unit.wait("exited", pid=unit.shell("echo into the void"))
    (tmp_path / "full.service.journal.jsonl").unlink()
    unit.wait("exited", pid=unit.shell("echo heard"))
    assert unit.messages()[0].startswith("1 messages could not be written: ")
    assert unit.messages()[1] == "heard"


def test_a_defect_while_a_program_is_started_fails_the_start(unit: Unit) -> None:
    token = unit.spawn("/bin/true", environment_files=(EnvironmentFile("\ud800"),))
    failed = unit.wait("spawn-failed", token=token)
    assert failed["message"] == "Internal error"
    assert "UnicodeEncodeError" in unit.wait("problem")["message"]
    assert unit.wait("exited", token=unit.spawn("/bin/true"))["status"] == 0


def test_a_field_that_the_supervisor_does_not_know_is_refused_by_name(unit: Unit) -> None:
    message = exec_spec.encode(make_spec(("/bin/true",)))
    spec = {**wire.loads(message["spec"]), "sandbox": {"to_come": True}}
    unit.send("spawn", token=1, launch=message["launch"], spec=wire.dumps(spec).decode())
    failed = unit.wait("exec-failed", token=1)
    assert (failed["status"], failed["message"]) == (255, "Cannot read what to run: spec.sandbox.to_come is unknown")
    assert unit.wait("exited", token=1)["status"] == 255


def test_what_came_with_a_message_that_fails_is_done(unit: Unit) -> None:
    pid = unit.shell("trap 'exit 7' TERM; echo ready; while :; do sleep .05; done")
    unit.tree.until(lambda: unit.journal.exists() and "ready" in unit.messages(), "the trap")
    os.kill(unit.pid, signal.SIGSTOP)
    unit.send("no such operation")
    unit.send("console")  # without everything that belongs to it
    unit.send("signal")  # without the pids
    token = unit.spawn("/bin/true")
    unit.send("signal-all", signal=int(signal.SIGTERM))
    os.kill(unit.pid, signal.SIGCONT)
    unit.wait("executed", token=token)
    assert unit.wait("exited", pid=pid)["status"] == 7
    assert len([event for event in unit.events if event["ev"] == "problem"]) == 3
