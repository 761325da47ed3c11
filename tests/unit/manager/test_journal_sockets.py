"""The sockets that programs log through: who has them already keeps them, and what nobody answers at is replaced."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from systemctl_replacement.manager.logs import dev_log
from systemctl_replacement.manager.logs.sockets import DEV_LOG, NAMES, NATIVE, STDOUT, JournalSockets

SO_TIMESTAMP = 29


@pytest.fixture
def sockets(tmp_path: Path) -> Iterator[JournalSockets]:
    made = JournalSockets(str(tmp_path), str(tmp_path / "log"))
    yield made
    made.remove()


def bound(path: Path, kind: int = socket.SOCK_DGRAM) -> socket.socket:
    path.parent.mkdir(exist_ok=True)
    mine = socket.socket(socket.AF_UNIX, kind)
    mine.bind(str(path))
    return mine


def send(path: Path, data: bytes) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as mine:
        mine.sendto(data, str(path))


def test_they_are_as_systemd_makes_them(sockets: JournalSockets, tmp_path: Path) -> None:
    assert sockets.make() == list(NAMES) and not sockets.problems
    for name, held in sockets.held.items():
        status = os.lstat(tmp_path / "journal" / name)
        assert stat.S_ISSOCK(status.st_mode) and status.st_mode & 0o777 == 0o666
        assert held.getsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED) and not held.getblocking()
        assert bool(held.getsockopt(socket.SOL_SOCKET, SO_TIMESTAMP)) == (name != STDOUT)
        assert held.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) > 200_000
        assert not os.get_inheritable(held.fileno())
    assert stat.S_IMODE(os.stat(tmp_path / "journal").st_mode) == 0o755
    assert os.readlink(tmp_path / "log") == str(tmp_path / "journal/dev-log")
    assert not sockets.is_waiting()
    send(tmp_path / "log", b"<13>a: b")
    assert sockets.is_waiting()
    assert sockets.held[DEV_LOG].recv(100) == b"<13>a: b"
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(tmp_path / "journal/stdout"))
    assert sockets.make() == []


def test_what_somebody_has_is_left_to_him(sockets: JournalSockets, tmp_path: Path) -> None:
    with (
        bound(tmp_path / "journal/socket") as native,
        bound(tmp_path / "journal/stdout", socket.SOCK_STREAM) as stdout,
        bound(tmp_path / "log"),
    ):
        stdout.listen()
        assert sockets.make() == [DEV_LOG] and not sockets.problems
        send(tmp_path / "journal/socket", b"x")
        assert native.recv(10) == b"x"
        assert stat.S_ISSOCK(os.lstat(tmp_path / "log").st_mode)
        sockets.remove()
        assert sorted(os.listdir(tmp_path / "journal")) == ["socket", "stdout"]
    # They have died without removing them.
    assert sockets.make() == list(NAMES)
    assert os.path.islink(tmp_path / "log")


def test_a_daemon_takes_the_link_and_leaves_it(sockets: JournalSockets, tmp_path: Path) -> None:
    sockets.make()
    log = tmp_path / "log"
    log.unlink()
    with bound(log, socket.SOCK_STREAM):
        assert sockets.make() == []  # it does not listen yet
        assert stat.S_ISSOCK(os.lstat(log).st_mode)
    sockets.make()
    assert os.path.islink(log)
    log.unlink()
    sockets.make()
    assert os.path.islink(log)


def test_the_directory_is_emptied(sockets: JournalSockets, tmp_path: Path) -> None:
    sockets.make()
    before = sockets.held[NATIVE].fileno()
    for name in NAMES:
        (tmp_path / "journal" / name).unlink()
    (tmp_path / "journal").rmdir()
    assert sockets.make() == list(NAMES)
    send(tmp_path / "journal/socket", b"x")
    assert sockets.held[NATIVE].recv(10) == b"x"
    assert before >= 0


def test_what_stands_in_the_way_of_the_link_stays(sockets: JournalSockets, tmp_path: Path) -> None:
    log = tmp_path / "log"
    for kind in ("directory", "file", "link"):
        if kind == "link":
            log.symlink_to("elsewhere")
        elif kind == "file":
            log.touch()
        else:
            log.mkdir()
        sockets.make()
        assert sockets.problems == {str(log): "File exists"}
        assert set(sockets.held) == set(NAMES)
        if kind == "directory":
            log.rmdir()
        else:
            log.unlink()
    # A link that leads where systemd's socket would be is one of an earlier life.
    log.symlink_to("/run/systemd/journal/dev-log")
    if not dev_log.is_answered(str(log)):
        sockets.make()
        assert os.readlink(log) == sockets.path(DEV_LOG)


def test_a_directory_that_others_have_made_or_lead_to(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs another user")
    tmp_path.chmod(0o755)
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    os.chown(theirs, 1, 1)
    for place in ("journal", "elsewhere"):
        runtime = tmp_path / place
        runtime.mkdir()
        if place == "journal":
            (runtime / "journal").mkdir()
            os.chown(runtime / "journal", 1, 1)
        else:
            os.symlink(theirs, runtime / "journal")
            os.lchown(runtime / "journal", 1, 1)
        sockets = JournalSockets(str(runtime), "")
        assert sockets.make() == []
        assert set(sockets.problems) == set(NAMES)
    assert os.listdir(theirs) == []


def test_where_nothing_can_be_made_it_is_said(tmp_path: Path) -> None:
    (tmp_path / "journal").touch()
    sockets = JournalSockets(str(tmp_path), str(tmp_path / "log"))
    assert sockets.make() == [] and not sockets.held
    assert set(sockets.problems) == set(NAMES)
    assert not os.path.lexists(tmp_path / "log")
    long = tmp_path / ("x" * 120)
    long.mkdir()
    sockets = JournalSockets(str(long), "")
    sockets.make()
    assert set(sockets.problems.values()) == {"AF_UNIX path too long"}


def test_over_a_re_execution(sockets: JournalSockets, tmp_path: Path) -> None:
    sockets.make()
    after = JournalSockets(str(tmp_path), str(tmp_path / "log"))
    for saved in sockets.saved():
        after.adopt({**saved, "fd": os.dup(saved["fd"])})
    assert after.make() == []
    send(tmp_path / "log", b"x")
    assert after.held[DEV_LOG].recv(10) == b"x"
    after.remove()
    assert os.listdir(tmp_path / "journal") == [] and not os.path.lexists(tmp_path / "log")
