"""The process that receives what is logged through sockets, as the manager and those who log see it."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from systemctl_replacement import exit_status, syscalls
from systemctl_replacement.manager.logs.attribution import Whose, messages
from systemctl_replacement.process.collector import account, native
from systemctl_replacement.process.seen_process import quoted
from systemctl_replacement.records import replace
from tests.engine.process.collectors import TIMEOUT, Client, Collector, Sockets

HERE = os.getpid()


@pytest.fixture
def sockets(tmp_path: Path) -> Iterator[Sockets]:
    made = Sockets(tmp_path)
    yield made
    made.close()


@pytest.fixture
def collector(sockets: Sockets) -> Iterator[Collector]:
    made = Collector(sockets)
    yield made
    made.close()


@pytest.fixture
def client(sockets: Sockets) -> Iterator[Client]:
    made = Client(sockets)
    yield made
    made.close()


def test_each_way_in_and_what_is_known_of_the_sender(collector: Collector, client: Client) -> None:
    collector.unit("a.service", HERE, "5" * 32, fields={"EXTRA": "yes"})
    client.syslog(b"<29>Nov 28 04:12:58 me[123]: by syslog")
    client.native(b"MESSAGE=natively\nPRIORITY=3\nTWICE=1\nTWICE=\xff\n_UID=7\nEXTRA=mine\n")
    with client.stream(b"name", b"30") as stream:
        stream.sendall(b"<4>over a stream\nunfinished")
    found = collector.records("a.service")
    assert [record["MESSAGE"] for record in found] == ["by syslog", "natively", "over a stream", "unfinished"]
    command = quoted(Path("/proc/self/cmdline").read_bytes()[:4096].rstrip(b"\0").split(b"\0"))
    seen = {
        "_PID": str(HERE),
        "_UID": str(os.getuid()),
        "_GID": str(os.getgid()),
        "_COMM": Path("/proc/self/comm").read_text().rstrip("\n"),
        "_CMDLINE": command,
        "_SYSTEMD_UNIT": "a.service",
        "_SYSTEMD_SLICE": "system.slice",
        "_SYSTEMD_INVOCATION_ID": "5" * 32,
        "_BOOT_ID": "b" * 32,
        "_MACHINE_ID": "c" * 32,
        "_HOSTNAME": socket.gethostname(),
        "_RUNTIME_SCOPE": "system",
    }
    for number, record in enumerate(found, 1):
        assert {name: record.get(name) for name in seen} == seen
        assert record["__SEQNUM"] == str(number) and int(record["__MONOTONIC_TIMESTAMP"]) > 0
    first, second, third, fourth = found
    assert first["_TRANSPORT"] == "syslog" and first["SYSLOG_PID"] == "123" and first["EXTRA"] == "yes"
    assert first["PRIORITY"] == "5" and first["SYSLOG_FACILITY"] == "3" and first["SYSLOG_IDENTIFIER"] == "me"
    assert 0 <= int(first["__REALTIME_TIMESTAMP"]) - int(first["_SOURCE_REALTIME_TIMESTAMP"]) < 30_000_000
    assert second["_TRANSPORT"] == "journal" and second["TWICE"] == ["1", [255]] and second["EXTRA"] == "mine"
    assert third["_TRANSPORT"] == "stdout" and third["PRIORITY"] == "4" and third["SYSLOG_FACILITY"] == "3"
    assert fourth["_LINE_BREAK"] == "eof" and fourth["_STREAM_ID"] == third["_STREAM_ID"]


def test_it_has_no_privileges_and_a_directory_of_its_own(collector: Collector) -> None:
    uid = collector.wait("ready")["uid"]
    assert uid == os.getuid() if os.getuid() else 61184 <= uid <= 65519
    status = dict(line.split(":\t", 1) for line in Path(f"/proc/{collector.pid}/status").read_text().splitlines())
    assert status["CapEff"] == status["CapPrm"] == "0" * 16 and status["NoNewPrivs"] == "1"
    assert status["Uid"].split() == [str(uid)] * 4
    directory = (collector.logs / "received").stat()
    assert directory.st_uid == uid and not directory.st_mode & 0o007
    assert Path(f"/proc/{collector.pid}/stat").stat().st_uid == 0 or os.getuid()  # it is not dumpable


@pytest.mark.skipif(os.geteuid() != 0, reason="has no privileges to give up")
def test_one_that_cannot_become_a_user_does_not_collect(sockets: Sockets, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> object:
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    monkeypatch.setattr(account, "make_pair", fail)
    collector = Collector(sockets)
    assert "as a user" in collector.wait("trouble")["message"]
    assert os.WEXITSTATUS(os.waitpid(collector.pid, 0)[1]) == exit_status.EXIT_SOFTWARE
    assert [news for news in collector.news if news["ev"] == "ready"] == []
    collector.pid = 0
    collector.close()


def test_where_no_directory_can_be_made_nothing_else_is_given_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """The present directory may have one of that name, of somebody else's."""
    given: list[tuple[int, str]] = []
    monkeypatch.setattr(account, "_become", lambda place, path, _dynamic: given.append((place, path)))
    for name in ("set_no_new_privileges", "set_capabilities", "prctl"):
        monkeypatch.setattr(syscalls, name, lambda *_: None)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(OSError, match="/dev/null"):
        account.settle("/dev/null/log", "")
    assert given == [(-1, "")]


def test_who_is_of_no_unit_is_said_to_be_of_none(collector: Collector, client: Client) -> None:
    client.syslog(b"hello")
    (record,) = collector.records()
    assert "_SYSTEMD_UNIT" not in record and record["_PID"] == str(HERE)


def test_ten_thousand_names_are_not_needed_for_children(collector: Collector, sockets: Sockets) -> None:
    """A shell of a unit runs senders that are gone at once; each is read about while it is there, or is of no unit."""
    script = (
        "import os, socket, sys\n"
        "s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\n"
        "for number in range(300):\n"
        "    if not os.fork():\n"
        "        s.sendto(b'<13>t: %d' % number, sys.argv[1]); os._exit(0)\n"
        "    os.wait()\n"
    )
    child = subprocess.Popen(
        [sys.executable, "-IS", "-c", f"input()\n{script}", sockets.path("dev-log")], stdin=subprocess.PIPE
    )
    collector.unit("a.service", child.pid)
    collector.sync()
    child.communicate(b"\n")
    mine, others = collector.records("a.service"), collector.records()
    assert len(mine) + len(others) == 300 and mine
    assert all("_SYSTEMD_UNIT" not in record for record in others)


def test_large_messages_come_as_files(collector: Collector, client: Client, tmp_path: Path) -> None:
    large = os.memfd_create("large", os.MFD_ALLOW_SEALING)
    os.write(large, b"MESSAGE=large\nFIELD=" + b"x" * (3 << 20) + b"\n\nMESSAGE=second\n")
    import fcntl

    fcntl.fcntl(large, fcntl.F_ADD_SEALS, 0xF)
    client.native(b"", large)
    os.close(large)
    too_large = os.memfd_create("too-large")
    os.truncate(too_large, native.SIZE_MAX + 1)
    pipe = os.pipe()
    client.native(b"", too_large)
    client.native(b"", pipe[0])
    client.native(b"MESSAGE=both", pipe[0])
    client.native(b"", pipe[0], pipe[0])
    client.native(b"MESSAGE=after\n")
    found = collector.records()
    assert [record["MESSAGE"] for record in found] == ["large", "second", "after"]
    assert len(found[0]["FIELD"]) == 3 << 20
    refused = [message["message"] for message in collector.news if message["ev"] == "trouble"]
    assert len(refused) == 4 and f"too large ({native.SIZE_MAX + 1} bytes)" in refused[0]
    for fd in (too_large, *pipe):
        os.close(fd)


def test_levels(collector: Collector, client: Client) -> None:
    collector.configure(max_level_store=6)
    collector.unit("a.service", HERE, max_priority=5)
    collector.sync()
    for level in (7, 6, 5):
        client.syslog(b"<%d>x: level %d" % (level, level))
    assert collector.messages("a.service") == ["level 5"]
    collector.unit("a.service", HERE)
    collector.sync()
    for level in (7, 6):
        client.syslog(b"<%d>x: level %d" % (level, level))
    assert collector.messages("a.service") == ["level 5", "level 6"]


def test_a_unit_without_supervisor_keeps_its_settings(collector: Collector, client: Client) -> None:
    journal = {"max_priority": 5, "fields": {"EXTRA": "yes"}}
    before = Whose("a.service", 1 << 22, (HERE,), "5" * 32, {"slice": "a.slice", "journal": journal})
    orphaned = replace(before, supervisor=0)
    for whose, last in ((before, None), (orphaned, before), (replace(orphaned, invocation="6" * 32), orphaned)):
        for message in messages(last, whose):
            collector.tell(message)
        collector.sync()
        client.syslog(b"<14>me: info")
        client.syslog(b"<13>me: notice")
        collector.sync()  # before it is told of what comes next
    found = collector.records("a.service")
    assert [(each["MESSAGE"], each["EXTRA"], each["_SYSTEMD_SLICE"]) for each in found] == [
        ("notice", "yes", "a.slice")
    ] * 3
    assert [each["_SYSTEMD_INVOCATION_ID"][0] for each in found] == ["5", "5", "6"]


def test_a_limit_counts_and_the_unit_without_one_is_not_limited(collector: Collector, client: Client) -> None:
    collector.configure(interval=60_000_000, burst=10)
    collector.unit("a.service", HERE)
    collector.sync()
    for number in range(2000):
        client.syslog(b"<6>x: %d" % number)
    assert 10 <= len(collector.records("a.service")) < 100
    collector.unit("a.service", HERE, interval=0, burst=0)
    collector.sync()
    before = len(collector.records("a.service"))
    for number in range(2000):
        client.syslog(b"<6>x: %d" % number)
    assert len(collector.records("a.service")) == before + 2000


def received(socket: socket.socket) -> bytes:
    """All that has come."""
    socket.setblocking(False)
    found = b""
    with contextlib.suppress(BlockingIOError):
        while True:
            found += socket.recv(65536)
    return found


def test_what_is_kept_goes_to_the_console_and_to_syslog(collector: Collector, client: Client) -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    daemon = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    daemon.settimeout(20)
    directory = tempfile.mkdtemp()
    os.chmod(directory, 0o755)  # for another user
    daemon.bind(f"{directory}/syslog")
    os.chmod(f"{directory}/syslog", 0o666)
    collector.configure(forward_syslog=True, syslog=f"{directory}/syslog")
    collector.tell({"op": "console"}, [theirs.fileno()])
    collector.sync()
    client.syslog(b"<13>Nov 28 04:12:58 me[9]: two\nlines\n")
    client.native(b"MESSAGE=native\nSYSLOG_IDENTIFIER=a\x1bb\nPRIORITY=3\n")
    collector.sync()
    assert received(ours).decode() == f"me[{HERE}]: two\nme[{HERE}]: lines\na?b[{HERE}]: native\n"
    assert daemon.recv(4096) == b"<13>Nov 28 04:12:58 me[9]: two\nlines\n"
    assert daemon.recv(4096).endswith(b"a\x1bb[%d]: native" % HERE)
    collector.configure(console_json=True)
    client.syslog(b"<13>x: as JSON")
    collector.sync()
    record = json.loads(received(ours))
    assert record["MESSAGE"] == "as JSON" and record["_TRANSPORT"] == "syslog" and record["_PID"] == str(HERE)
    for each in (ours, theirs, daemon):
        each.close()
    shutil.rmtree(directory)


def blocked_console(collector: Collector, client: Client) -> socket.socket:
    """A console that nobody reads, and 300 messages, more than it has room for. Returns its other end."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    collector.tell({"op": "console"}, [theirs.fileno()])
    theirs.close()
    collector.sync()
    for number in range(300):
        client.syslog(b"<14>me: %d %s" % (number, b"x" * 2000))
    collector.sync()
    return ours


def test_a_console_that_has_room_again_is_told_what_it_has_missed(collector: Collector, client: Client) -> None:
    ours = blocked_console(collector, client)
    ours.settimeout(TIMEOUT)
    lines: list[bytes] = []
    while not lines or b"lines dropped" not in lines[-1]:  # nobody logs anything meanwhile
        lines += ours.recv(1 << 20).splitlines()
    shown, told = len(lines) - 1, lines[-1].partition(b": ")[2].decode()
    assert told == f"systemd-journald: {300 - shown} lines dropped, the console was blocked" and shown < 300
    ours.close()


@pytest.mark.parametrize("another", [False, True])
def test_the_end_of_a_console_that_was_blocked_harms_nothing(
    another: bool, collector: Collector, client: Client
) -> None:
    ours = blocked_console(collector, client)
    if another:
        collector.tell({"op": "console"})
    ours.close()
    with client.stream() as stream:  # has the descriptor that was the console's
        stream.sendall(b"over a stream\n")
    client.syslog(b"<14>me: after")
    assert sorted(collector.messages()[-2:]) == ["after", "over a stream"]


def test_one_that_is_killed_loses_nothing_that_waits(sockets: Sockets, client: Client) -> None:
    first = Collector(sockets)
    stream = client.stream()
    stream.sendall(b"one\n")
    client.syslog(b"x: one")
    first.sync()
    first.kill()
    stream.sendall(b"two\n")
    client.syslog(b"x: two")
    second = Collector(sockets)
    first.wait("stream")
    ((number, (state, fd)),) = first.kept.items()
    second.tell({"op": "stream", "number": number, "state": state}, [fd])
    stream.sendall(b"three\n")
    stream.close()
    assert sorted(second.messages()) == ["one", "one", "three", "two", "two"]
    assert second.wait("closed")["number"] == number
    first.close()
    second.close()


def test_who_comes_before_others_are_resumed_has_no_number_of_theirs(sockets: Sockets, client: Client) -> None:
    collector = Collector(sockets, streams=300)
    stream = client.stream()
    stream.sendall(b"one\n")
    collector.sync()
    assert list(collector.kept) == [301]
    stream.close()
    collector.close()


def test_one_that_was_stopped_believes_no_stream_of_who_began_meanwhile(collector: Collector, client: Client) -> None:
    """Its pid may have been another process's when it wrote."""
    collector.unit("a.service", HERE)
    with client.stream() as stream:
        stream.sendall(b"before\n")
    assert collector.messages("a.service") == ["before"]
    os.kill(collector.pid, signal.SIGSTOP)
    time.sleep(0.1)  # the kernel rounds the time at which processes begin
    child = os.fork()
    if child == 0:
        client.stream().sendall(b"meanwhile\n")
        signal.pause()
    try:
        time.sleep(0.4)  # longer than others would be believed
        os.kill(collector.pid, signal.SIGCONT)
        assert collector.messages() == ["meanwhile"]
        with client.stream() as stream:
            stream.sendall(b"after\n")
        assert collector.messages("a.service") == ["before", "after"]
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_what_waits_in_a_socket_is_read_before_another_takes_its_place(
    collector: Collector, sockets: Sockets, client: Client, tmp_path_factory: pytest.TempPathFactory
) -> None:
    collector.sync()
    os.kill(collector.pid, signal.SIGSTOP)
    for number in range(100):
        with client.stream() as stream:
            stream.sendall(b"stream %d\n" % number)
    client.syslog(b"me: datagram")
    another = Sockets(tmp_path_factory.mktemp("another"))
    for name, each in another.sockets.items():
        collector.tell({"op": "socket", "name": name}, [each.fileno()])
    os.kill(collector.pid, signal.SIGCONT)
    assert len(collector.records()) == 101
    another.close()


def test_streams_are_limited(collector: Collector, client: Client) -> None:
    count, size = 150, 40_000  # less than a line may have, and in all more than is held of unfinished ones
    opened = [client.stream() for _ in range(count)]
    for stream in opened:
        stream.sendall(b"x" * size)
    cut = collector.records()
    assert {record["_LINE_BREAK"] for record in cut} == {"line-max"}
    assert 0 < count * size - sum(len(record["MESSAGE"]) for record in cut) <= 4 << 20
    for stream in opened:
        stream.close()
    found = collector.records()
    assert {record["_LINE_BREAK"] for record in found[len(cut) :]} == {"eof"}
    assert sum(len(record["MESSAGE"]) for record in found) == count * size


def test_there_are_as_many_streams_as_descriptors_allow(sockets: Sockets, client: Client) -> None:
    collector = Collector(sockets, descriptors=300)
    opened = []
    for _ in range(60):
        with contextlib.suppress(OSError):
            opened.append(client.stream())
    collector.sync()
    held = 0
    for stream in opened:
        with contextlib.suppress(OSError):
            stream.sendall(b"x\n")
            held += 1
        stream.close()
    client.syslog(b"x: last")
    messages = collector.messages()
    assert messages.count("x") == held == (44 if os.getuid() == 0 else 11) and "last" in messages
    collector.close()


def test_streams_full_of_lines_let_others_have_their_turn(collector: Collector, client: Client, tmp_path: Path) -> None:
    """A message with a file ends what a turn reads of its socket: so many turns there are for three of them."""
    collector.sync()
    os.kill(collector.pid, signal.SIGSTOP)
    with contextlib.ExitStack() as stack:
        for _ in range(10):
            stack.enter_context(client.stream()).sendall(b"a\n" * 8000)
        for number in range(3):
            with open(tmp_path / str(number), "w+b") as file:
                file.write(b"MESSAGE=%d\n" % number)
                file.flush()
                client.native(b"", file.fileno())
        os.kill(collector.pid, signal.SIGCONT)
        collector.sync()
    records = [
        json.loads(line) for path in (collector.logs / "received").iterdir() for line in path.read_bytes().splitlines()
    ]
    assert len(records) == 80_003
    assert [int(record["__SEQNUM"]) < 40_000 for record in records if record["MESSAGE"] == "2"] == [True]


def test_a_sync_reads_all_who_have_connected(collector: Collector, client: Client) -> None:
    collector.sync()
    os.kill(collector.pid, signal.SIGSTOP)
    for number in range(1500):
        with client.stream() as stream:
            stream.sendall(b"line %d\n" % number)
    os.kill(collector.pid, signal.SIGCONT)
    assert len(collector.messages()) == 1500


def test_root_may_say_of_which_unit_a_stream_is(collector: Collector, client: Client) -> None:
    collector.unit("a.service", 1 << 22)  # not an ancestor
    collector.sync()
    for unit in (b"a.service", b"unknown.service"):
        with client.stream(unit=unit) as stream:
            stream.sendall(unit + b"\n")
    expected = ["a.service"] if os.getuid() == 0 else []
    assert collector.messages("a.service") == expected
    assert "unknown.service" in collector.messages()


def test_a_child_that_inherits_a_stream_has_its_own_pid(collector: Collector, client: Client) -> None:
    with client.stream() as stream:
        stream.sendall(b"unfinished")
        collector.sync()
        child = subprocess.run(
            ["/bin/sh", "-c", "echo of the child; echo $$ >&2"],
            stdout=stream.fileno(),
            stderr=subprocess.PIPE,
            check=True,
        )
    first, second = collector.records()
    assert (first["MESSAGE"], first["_LINE_BREAK"], first["_PID"]) == ("unfinished", "pid-change", str(HERE))
    assert (second["MESSAGE"], second["_PID"]) == ("of the child", child.stderr.decode().strip())


def test_garbage_is_no_defect(collector: Collector, client: Client) -> None:
    client.syslog(b"\0\xff" * 1000)
    client.native(os.urandom(5000))
    client.native(b"MESSAGE\n" + struct.pack("<Q", 1 << 62) + b"x\n")
    with client.stream() as stream:
        stream.sendall(os.urandom(5000) + b"\n")
    with contextlib.suppress(OSError), client.stream(b"x" * 500) as stream:
        stream.sendall(b"never")
    client.syslog(b"x: last")
    assert "last" in [record.get("MESSAGE") for record in collector.records()]
    assert not any("Cannot" in message.get("message", "") for message in collector.news)


def test_files_are_rotated_on_request(collector: Collector, client: Client) -> None:
    collector.unit("a.service", HERE)
    client.syslog(b"x: one")
    collector.sync()
    collector.tell({"op": "rotate", "number": 99})
    assert collector.wait("synced")["number"] == 99
    client.syslog(b"x: two")
    assert collector.messages("a.service") == ["two"]
    names = [path.name for path in (collector.logs / "received").iterdir()]
    assert len(names) == 2 and any(name.startswith("a.service@") for name in names)


def test_the_end_of_the_manager_is_its_end(sockets: Sockets, client: Client) -> None:
    collector = Collector(sockets)
    collector.sync()
    client.syslog(b"x: last")
    collector.link.close()
    collector.reap()
    collector = Collector(sockets)
    assert collector.messages() == ["last"]
    collector.close()
