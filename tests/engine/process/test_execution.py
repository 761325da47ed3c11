"""The environment that a started program finds, and what is reported if it cannot be started."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from systemctl_replacement.message_ids import SPAWN_FAILED
from systemctl_replacement.process.exec_spec import (
    Capability,
    CpuScheduling,
    Directories,
    Directory,
    EnvironmentFile,
    IoPriority,
    Limit,
    OpenFile,
    WorkingDirectory,
)
from systemctl_replacement.records import replace
from tests.engine.process.tree import Tree, Unit

root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to change users")


def output_of(unit: Unit, *argv: str, **spec: Any) -> list[str]:
    """Run a program to its end. Returns the lines that it printed."""
    token = unit.spawn(*argv, **spec)
    ended = unit.wait("exited", token=token)
    assert ended["code"] == "exited" and ended["status"] == 0, ended
    return unit.messages()


def shell_output(unit: Unit, script: str, **spec: Any) -> list[str]:
    return output_of(unit, "/bin/sh", "-c", script, **spec)


@pytest.fixture
def passable() -> Iterator[Path]:
    """A directory that every user can enter, unlike pytest's own."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as path:
        os.chmod(path, 0o711)
        yield Path(path)


@pytest.mark.parametrize(
    ("spec", "status", "message"),
    [
        ({"path": "/nonexistent"}, 203, "Failed to locate executable /nonexistent: No such file or directory"),
        ({"path": "nonexistent"}, 203, "Failed to locate executable nonexistent: No such file or directory"),
        ({"path": "/etc/passwd"}, 203, "Failed to locate executable /etc/passwd: Permission denied"),
        (
            {"working_directory": WorkingDirectory("/nonexistent")},
            200,
            "Changing to the requested working directory failed: No such file or directory",
        ),
        ({"user": "no-such-user"}, 217, "Failed to determine user credentials: No such process"),
        ({"group": "no-such-group"}, 216, "Failed to determine group credentials: No such process"),
        ({"stdin": "file:/nonexistent"}, 208, "Failed to set up standard input: No such file or directory"),
        ({"stdout": "file:/nonexistent/x"}, 209, "Failed to set up standard output: No such file or directory"),
        ({"stderr": "file:/nonexistent/x"}, 222, "Failed to set up standard error output: No such file or directory"),
        (
            {"open_files": (OpenFile("/nonexistent", "a"),)},
            202,
            "Failed to get OpenFile= file descriptors: No such file or directory",
        ),
        ({"path": "/etc"}, 203, "Failed to locate executable /etc: Is a directory"),
        ({"path": "/dev/null"}, 203, "Failed to locate executable /dev/null: File descriptor in bad state"),
        ({"user": "12345678"}, 217, "Failed to determine user credentials: No such process"),
        ({"supplementary_groups": ("none",)}, 216, "Failed to determine supplementary groups: No such process"),
        (
            {"path": "/none", "working_directory": WorkingDirectory("/none")},
            203,
            "Failed to locate executable /none: No such file or directory",
        ),
        ({"root_directory": "/nonexistent"}, 226, "Failed to set up mount namespacing: No such file or directory"),
        (
            {"directories": (Directories("RuntimeDirectory", "/dev/null", (Directory("a"),)),)},
            233,
            "Failed to set up special execution directory in /dev/null: Not a directory",
        ),
    ],
)
def test_a_failing_step_is_told_in_systemds_words(unit: Unit, spec: Any, status: int, message: str) -> None:
    token = unit.spawn("/bin/true", **spec)
    failed = unit.wait("exec-failed", token=token)
    assert (failed["status"], failed["message"]) == (status, message)
    assert failed["summary"].startswith(f"Failed at step {failed['step']} spawning ")
    assert unit.wait("exited", token=token)["status"] == status
    kinds = [event["ev"] for event in unit.events if event.get("token") == token]
    assert kinds == ["forked", "exec-failed", "exited"]
    said = [line for line in unit.lines() if line["_PID"] == str(failed["pid"])]
    assert [line["MESSAGE"] for line in said] == [f"test.service: {failed[what]}" for what in ("message", "summary")]
    program = f"({said[1]['EXECUTABLE'].rpartition('/')[2][-8:]})"
    for line in said:
        assert (line["SYSLOG_IDENTIFIER"], line["_SYSTEMD_UNIT"], line["UNIT"]) == (program, *["test.service"] * 2)
    assert said[1]["MESSAGE_ID"] == SPAWN_FAILED


def test_a_bad_interpreter_is_told(unit: Unit, tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("#!/nonexistent/interpreter\n")
    script.chmod(0o755)
    token = unit.spawn(str(script))
    failed = unit.wait("exec-failed", token=token)
    assert failed["message"] == f"Failed to execute {script}: No such file or directory"
    assert failed["summary"] == f"Failed at step EXEC spawning {script}: No such file or directory"


def test_a_missing_program_may_be_no_failure(unit: Unit) -> None:
    token = unit.spawn("/nonexistent", ignore_failure=True)
    assert unit.wait("exited", token=token)["status"] == 0
    assert "test.service: Executable /nonexistent missing, skipping: No such file or directory" in unit.messages()


def test_a_missing_environment_file_makes_no_process(unit: Unit) -> None:
    token = unit.spawn(
        "/bin/true",
        environment_files=(EnvironmentFile("/nonexistent", missing_ok=True), EnvironmentFile("/nonexistent/file")),
    )
    assert unit.wait("spawn-failed", token=token)["message"] == "No such file or directory"
    assert not unit.find("forked", token=token)
    assert unit.messages() == ["test.service: Failed to load environment files: No such file or directory"]


def test_the_environment_is_what_was_given_and_nothing_else(unit: Unit, tmp_path: Path) -> None:
    (tmp_path / "env").write_text("A=file\nB='two words'\n1BAD=x\n")
    token = unit.spawn(
        "/usr/bin/env",
        assignments=("A=unit", "C=\udcff", "GONE=1", "KEPT=2"),
        environment_files=(EnvironmentFile(f"{tmp_path}/e?v"),),
        unset=("GONE", "KEPT=3"),
        pid_variables=("LISTEN_PID",),
    )
    pid = unit.wait("forked", token=token)["pid"]
    unit.wait("exited", token=token)
    messages = [line["MESSAGE"] for line in unit.lines()]
    variables = {message if isinstance(message, str) else bytes(message) for message in messages}
    variables = {entry for entry in variables if not str(entry).startswith("test.service: Ignoring")}
    assert variables == {
        "A=file",
        "B=two words",
        b"C=\xff",
        "KEPT=2",
        f"SYSTEMD_EXEC_PID={pid}",
        f"LISTEN_PID={pid}",
        f"MANAGERPID={unit.pid}",
    }


def test_a_program_learns_which_of_its_streams_goes_to_the_log(unit: Unit, tmp_path: Path) -> None:
    script = "echo $JOURNAL_STREAM $(stat -Lc %d:%i /dev/stdout /dev/stderr)"
    told, out, err = shell_output(unit, script, journal_stream=True)[0].split()
    assert told == err and out != err  # within $() stdout is the shell's
    # Where there is no socket to log to instead it is not said, and a unit may do without.
    for spec in ({}, {"journal_stream": True, "unset": ("JOURNAL_STREAM",)}):
        assert shell_output(unit, "echo $JOURNAL_STREAM.", **spec)[-1] == "."
    # One stream is enough.
    for stdout, stderr, expected in (("null", "journal", told), ("null", "inherit", "")):
        said = f"echo $JOURNAL_STREAM >{tmp_path}/said"
        shell_output(unit, said, journal_stream=True, stdout=stdout, stderr=stderr)
        assert (tmp_path / "said").read_text().strip() == expected


def test_variables_are_expanded_in_the_child(unit: Unit) -> None:
    lines = output_of(
        unit,
        "/usr/bin/printf",
        "%s\\n",
        "$WORDS",
        "x${ONE}y",
        "$$ONE",
        assignments=("WORDS=a 'b c'", "ONE=1"),
        expand_variables=True,
    )
    assert lines == ["a", "b c", "x1y", "$ONE"]


# glibc's own signals 32 and 33: its posix_spawn, which make uses, leaves them ignored, and its sigaction refuses them.
INTERNAL_SIGNALS = 0b11 << 31


def ignored_signals(line: str) -> int:
    """The mask in a SigIgn line of /proc/PID/status."""
    name, mask = line.split()
    assert name == "SigIgn:"
    return int(mask, 16) & ~INTERNAL_SIGNALS


def test_the_process_state_is_clean(unit: Unit) -> None:
    script = "grep -E '^(Sig(Blk|Ign)|Umask)' /proc/self/status; ls /proc/self/fd; ulimit -Sn"
    lines = shell_output(unit, script, ignore_sigpipe=False)
    assert lines[:2] == ["Umask:\t0022", "SigBlk:\t0000000000000000"]
    assert ignored_signals(lines[2]) == 0
    assert lines[3:6] == ["0", "1", "2"]
    assert lines[7] == "1024"


def test_sigpipe_is_ignored_by_default(unit: Unit) -> None:
    (line,) = shell_output(unit, "grep SigIgn /proc/self/status")
    assert ignored_signals(line) == 1 << (13 - 1)


def test_limits_umask_and_priorities(unit: Unit) -> None:
    script = (
        "ulimit -Sn; ulimit -Hn; umask; ulimit -c; nice; cat /proc/self/timerslack_ns /proc/self/coredump_filter;"
        "cut -d' ' -f41 /proc/self/stat; ionice"
    )
    lines = shell_output(
        unit,
        script,
        limits=(
            Limit("NOFILE", 100, 200),
            Limit("CORE", 0, 0),
            Limit("FSIZE", -1, -1),
            Limit("STACK", 8 << 20, 2**64 - 1),
        ),
        umask=0o027,
        nice=5,
        cpu_affinity=(0,),
        timer_slack=70_000,
        coredump_filter=0x11,
        cpu=CpuScheduling("batch"),
        io=IoPriority(3, 0),
    )
    assert lines == ["100", "200", "0027", "0", "5", "70000", "00000011", "3", "idle"]


def test_a_session_of_its_own(unit: Unit) -> None:
    pid = unit.shell("read x", stdin="fd:0", fds=(os.pipe()[0],))
    assert os.getsid(pid) == os.getpgid(pid) == pid
    assert os.getsid(unit.pid) == unit.pid


def test_sockets_are_passed_from_three_on(unit: Unit, tmp_path: Path) -> None:
    sockets = [socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) for _ in range(3)]
    for number, passed in enumerate(sockets):
        passed.bind(str(tmp_path / f"s{number}"))
    script = "for fd in /proc/self/fd/[0-9]*; do readlink $fd; done; env | grep LISTEN | sort"
    fds = tuple(passed.fileno() for passed in sockets)
    token = unit.spawn("/bin/sh", "-c", script, fds=fds, passed=("a", "b", "c"))
    pid = unit.wait("forked", token=token)["pid"]
    unit.wait("exited", token=token)
    lines = unit.messages()
    links = [line for line in lines if line.startswith("socket:")]
    assert links == [f"socket:[{os.fstat(passed.fileno()).st_ino}]" for passed in sockets]
    assert lines[-3:] == ["LISTEN_FDNAMES=a:b:c", "LISTEN_FDS=3", f"LISTEN_PID={pid}"]
    for passed in sockets:
        passed.close()


def test_open_files_are_passed_after_the_sockets(unit: Unit, tmp_path: Path) -> None:
    read, appended, listening = tmp_path / "read", tmp_path / "appended", tmp_path / "socket"
    read.write_text("content")
    appended.write_text("before ")
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    server.bind(str(listening))
    server.listen()
    token = unit.spawn(
        "/bin/bash",
        "-c",
        "cat <&4; echo $LISTEN_FDS $LISTEN_FDNAMES; echo after >&5; echo hello >&6; echo x >&4 || :",
        fds=(server.fileno(),),
        passed=("given",),
        open_files=(
            OpenFile(str(read), "r", ("read-only",)),
            OpenFile(str(tmp_path / "none"), "missing", ("graceful",)),
            OpenFile(str(appended), "a", ("append",)),
            OpenFile(str(listening), "s"),
        ),
    )
    assert unit.wait("exited", token=token)["status"] == 0
    lines = unit.messages()
    assert lines[0] == "content4 given:r:a:s"
    assert "Bad file descriptor" in lines[-1]
    assert appended.read_text() == "before after\n"
    connection, _ = server.accept()
    assert connection.recv(100) == b"hello\n"
    connection.close()
    server.close()


def test_standard_streams(unit: Unit, tmp_path: Path) -> None:
    target = tmp_path / "out"
    token = unit.spawn(
        "/bin/sh", "-c", "cat; echo error >&2", stdin="data", stdin_data=b"hello\n", stdout=f"truncate:{target}"
    )
    unit.wait("exited", token=token)
    assert target.read_text() == "hello\nerror\n"
    token = unit.spawn("/bin/echo", "more", stdout=f"append:{target}", stderr="null")
    unit.wait("exited", token=token)
    assert target.read_text() == "hello\nerror\nmore\n"
    token = unit.spawn("/bin/echo", "MORE", stdout=f"file:{target}")
    unit.wait("exited", token=token)
    assert target.read_text() == "MORE\n\nerror\nmore\n"


def test_standard_output_can_be_opened_again(unit: Unit) -> None:
    assert shell_output(unit, "echo again > /dev/stdout") == ["again"]


def test_directories_are_made(unit: Unit, tmp_path: Path) -> None:
    base = tmp_path / "run"
    lines = shell_output(
        unit,
        "echo $RUNTIME_DIRECTORY",
        directories=(
            Directories("RuntimeDirectory", str(base), (Directory("a/b"), Directory("c", ("link",))), mode=0o750),
        ),
    )
    assert lines == [f"{base}/a/b:{base}/c"]
    assert (base / "a/b").stat().st_mode & 0o7777 == 0o750
    assert (base / "a").stat().st_mode & 0o7777 == 0o755
    assert os.readlink(base / "link") == "c"


def test_removal_follows_no_links(unit: Unit, tmp_path: Path) -> None:
    keep = tmp_path / "keep"
    keep.mkdir()
    (keep / "file").write_text("")
    gone = tmp_path / "gone"
    (gone / "deep").mkdir(parents=True)
    (gone / "deep" / "link").symlink_to(keep)
    unit.send("remove", number=1, paths=[str(gone), str(tmp_path / "never")])
    unit.wait("removed")
    assert not gone.exists()
    assert (keep / "file").exists()
    assert not unit.find("exited") and not unit.find("empty")


@root
def test_another_user(unit: Unit, tmp_path: Path) -> None:
    base = tmp_path / "state"
    lines = shell_output(
        unit,
        "id -u; id -g; id -G; echo $USER $LOGNAME $HOME $SHELL; echo x > /dev/stdout",
        user="daemon",
        supplementary_groups=("games",),
        directories=(Directories("StateDirectory", str(base), (Directory("d"),)),),
    )
    assert lines == ["1", "1", "1 60", "daemon daemon /usr/sbin", "x"]
    assert (base / "d").stat().st_uid == (base / "d").stat().st_gid == 1


@root
def test_privileged_keeps_root_but_the_environment_of_the_user(unit: Unit) -> None:
    assert shell_output(unit, "id -u; echo $USER", user="daemon", privileged=True) == ["0", "daemon"]


@root
def test_capabilities(unit: Unit) -> None:
    script = "grep -E '^(CapEff|CapBnd|CapAmb|NoNewPrivs)' /proc/self/status"
    lines = shell_output(
        unit,
        script,
        user="daemon",
        capability_bounding=0x401,
        ambient_capabilities=(Capability("CAP_NET_BIND_SERVICE", 10),),
        no_new_privileges=True,
    )
    assert lines == [
        "CapEff:\t0000000000000400",
        "CapBnd:\t0000000000000401",
        "CapAmb:\t0000000000000400",
        "NoNewPrivs:\t1",
    ]


@root
def test_chroot_and_home(unit: Unit, tmp_path: Path) -> None:
    token = unit.spawn("/bin/true", root_directory=str(tmp_path))
    assert unit.wait("exec-failed", token=token)["step"] == "EXEC"
    assert shell_output(unit, "pwd", user="daemon", working_directory=WorkingDirectory("~"))[-1] == "/usr/sbin"


def test_a_terminal_becomes_the_controlling_one(unit: Unit) -> None:
    master, slave = os.openpty()
    name = os.ttyname(slave)
    os.close(slave)
    pid = unit.shell("tty; read x; echo got $x", stdin="tty", stdout="inherit", terminal=name)
    os.write(master, b"word\n")
    unit.wait("exited", pid=pid)
    shown = b""
    with pytest.raises(OSError):  # EIO: nobody has the other end any more
        while True:
            shown += os.read(master, 1000)
    assert name.encode() in shown and b"got word" in shown
    os.close(master)


def test_the_forkserver_says_when_no_process_can_be_had(tree: Tree, unit: Unit) -> None:
    tree.until(lambda: bool(tree.answers) or _receive(tree))
    assert tree.answers == [{"pid": unit.pid, "tag": "test.service"}]


def _receive(tree: Tree) -> bool:
    tree.answers += tree.forkserver.receive()
    return bool(tree.answers)


def test_removal_goes_as_deep_as_a_service_can(unit: Unit, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    fd = os.open(gone, os.O_RDONLY)
    for _ in range(1100):  # more than recursion, descriptors and a path's length allow
        os.mkdir("d", dir_fd=fd)
        below = os.open("d", os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = below
    os.close(fd)
    unit.send("remove", number=1, paths=[str(gone)])
    unit.wait("removed")
    assert not gone.exists()
    assert not unit.find("problem")


def test_a_link_in_the_place_of_a_directory_is_refused(unit: Unit, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.mkdir(0o700)
    (tmp_path / "state").symlink_to(victim)
    directories = Directories("StateDirectory", str(tmp_path), (Directory("state"),), mode=0o777)
    unit.spawn("/bin/true", directories=(directories,))
    assert unit.wait("exited")["status"] == 238
    assert victim.stat().st_mode & 0o7777 == 0o700


@pytest.mark.parametrize(("path", "message"), [("/", "Is a directory"), ("/dev/zero", "Argument list too long")])
def test_what_is_no_environment_file(unit: Unit, path: str, message: str) -> None:
    unit.spawn("/bin/true", environment_files=(EnvironmentFile("/dev/null"), EnvironmentFile(path)))
    assert unit.wait("spawn-failed")["message"] == message


def test_an_environment_file_may_be_a_fifo(unit: Unit, tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    waiting = unit.spawn("/bin/sh", "-c", "echo $X", environment_files=(EnvironmentFile(str(fifo)),))
    # The process waits for a writer, its supervisor does not.
    unit.wait("forked", token=waiting)
    unit.shell("true")
    assert not unit.find("executed", token=waiting)
    fifo.write_text("X=from a writer\n1X=y\n")
    unit.wait("exited", token=waiting)
    assert unit.messages() == [
        f"test.service: Ignoring invalid environment assignment '1X=y': {fifo}",
        "from a writer",
    ]


def test_a_process_that_waits_for_a_fifo_can_be_stopped(unit: Unit, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    token = unit.spawn("/bin/true", environment_files=(EnvironmentFile(str(tmp_path / "fifo")),))
    pid = unit.wait("forked", token=token)["pid"]
    unit.send("signal", pids=[pid], signal=15)
    assert unit.wait("exited", token=token)["status"] == 15


@root
def test_a_dynamic_user_lasts_as_long_as_the_supervisor(unit: Unit, passable: Path) -> None:
    users, base = passable / "uids", passable / "state"
    directories = Directories("StateDirectory", str(base), (Directory("d"),), mode=0o700, private=True)
    spec: dict[str, Any] = {
        "user": "some-one", "group": "some-one", "kept_users": ("some-one",), "dynamic_users": str(users),
        "directories": (directories,),
    }  # fmt: skip
    script = "id -u; id -G; echo $USER $LOGNAME $HOME; cd $STATE_DIRECTORY && touch x && ls"
    lines = shell_output(unit, script, **spec)
    uid = int(lines[0])
    assert 61184 <= uid <= 65519
    assert lines[1:] == [str(uid), "some-one some-one", "x"]
    assert (base / "private" / "d" / "x").stat().st_uid == uid
    assert (base / "private").stat().st_mode & 0o777 == 0o711
    assert os.readlink(base / "d") == "private/d"
    assert {path.name for path in users.iterdir()} == {str(uid), f"direct:{uid}", "direct:some-one"}
    unit.forget()
    assert shell_output(unit, "id -u", **{**spec, "directories": ()})[-1] == str(uid)
    unit.send("release")
    unit.tree.until(lambda: unit.gone and not list(users.iterdir()))


@root
def test_a_dynamic_user_has_the_directory_that_was_another_ones(unit: Unit, tmp_path: Path) -> None:
    users, base = tmp_path / "uids", tmp_path / "state"
    (base / "d" / "below").mkdir(parents=True)
    directories = Directories("StateDirectory", str(base), (Directory("d"),))
    who: dict[str, Any] = {"user": "some-one", "group": "some-one", "kept_users": ("some-one",)}
    spec = {**who, "dynamic_users": str(users)}
    shell_output(unit, "id -u", **spec, directories=(replace(directories, private=True),))
    assert (base / "d").is_symlink() and 61184 <= (base / "private" / "d" / "below").stat().st_uid <= 65519
    unit.forget()
    shell_output(unit, "id -u", user="games", directories=(directories,))
    assert not (base / "d").is_symlink() and (base / "d" / "below").stat().st_uid == 5
    assert not (base / "private" / "d").exists()
