"""Making what units listen on, as far as it takes no PID 1 to see it: what is there afterwards, and what is said."""

from __future__ import annotations

import errno
import gc
import os
import select
import socket
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from systemctl_replacement import tree_walk
from systemctl_replacement.manager.ports import addresses, flushing, listening, nodes
from systemctl_replacement.manager.ports.listening import CannotListen
from systemctl_replacement.units.listen_on import ListenOn, SocketOptions


class Maker:
    """Makes descriptors below a root, and closes them in the end."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.fds: list[int] = []
        self.problems: Any = ()

    def __call__(
        self, kind: str, address: str, symlinks: tuple[str, ...] = (), remove: bool = False, **more: Any
    ) -> int:
        on = ListenOn(kind, address, SocketOptions(**more), symlinks, remove)
        fd, self.problems = listening.listen(on, str(self.root) if address.startswith("/") else "")
        self.fds.append(fd)
        return fd

    def socket(self, kind: str, address: str, **more: Any) -> socket.socket:
        self(kind, address, **more)
        return socket.socket(fileno=self.fds.pop())


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Maker]:
    gc.collect()  # what tests before have left
    before = len(os.listdir("/proc/self/fd"))
    maker = Maker(tmp_path)
    yield maker
    for fd in maker.fds:
        os.close(fd)
    assert len(os.listdir("/proc/self/fd")) == before, "a descriptor is left open"


@pytest.fixture
def free_port() -> int:
    with socket.socket(socket.AF_INET6) as found:
        found.bind(("::", 0))
        return int(found.getsockname()[1])


@pytest.mark.parametrize(("kind", "number"), [("Stream", 1), ("Datagram", 2), ("SequentialPacket", 5)])
def test_sockets_in_the_file_system(make: Maker, kind: str, number: int) -> None:
    """With the modes asked for, whatever our own mask, in place of what is there."""
    (make.root / "d").mkdir()
    (make.root / "d/s").touch()
    for path in ("/d/s", "/new/deep/s"):
        with make.socket(kind, path, socket_mode=0o606, directory_mode=0o711) as made:
            assert (made.family, made.type) == (socket.AF_UNIX, number)
            assert made.getsockname() == f"{make.root}{path}"
            assert not os.get_blocking(made.fileno())
            assert not os.get_inheritable(made.fileno())
        status = (make.root / path[1:]).stat()
        assert stat.S_ISSOCK(status.st_mode)
        assert stat.S_IMODE(status.st_mode) == 0o606
    assert [stat.S_IMODE((make.root / new).stat().st_mode) for new in ("new", "new/deep")] == [0o711, 0o711]


def exchange_when_binding(monkeypatch: pytest.MonkeyPatch, directory: Path, other: Path) -> None:
    """Replace a directory with a link to another one, after the way has been looked at and before it is bound to."""

    class Umask(tree_walk.Umask):
        def __enter__(self) -> None:
            if self._mode == 0o666:
                directory.rename(directory.with_name("away"))
                directory.symlink_to(other)
            super().__enter__()

    monkeypatch.setattr(nodes, "Umask", Umask)


def test_a_way_that_others_can_change_is_not_walked_twice(make: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("open/sub", "secret"):
        (make.root / name).mkdir(parents=True)
    (make.root / "open").chmod(0o777)
    exchange_when_binding(monkeypatch, make.root / "open/sub", make.root / "secret")
    with make.socket("Stream", "/open/sub/s"), socket.socket(socket.AF_UNIX) as client:
        client.connect(f"{make.root}/open/away/s")
    assert not list((make.root / "secret").iterdir())


def test_only_on_such_a_way_is_a_socket_called_otherwise(make: Maker) -> None:
    (make.root / "open/sub").mkdir(parents=True)
    (make.root / "link").symlink_to("open")
    (make.root / "open").chmod(0o1777)
    for path in ("/open/s", "/open/sub/s", "/link/sub/s"):  # the last part of a path is never a link that is followed
        with make.socket("Stream", path) as made:
            assert made.getsockname() == f"{make.root}{path}"
    (make.root / "open").chmod(0o775)
    for path in ("/open/sub/t", "/link/sub/u"):
        with make.socket("Stream", path) as made:
            assert made.getsockname().startswith("/proc/self/fd/")
        assert (make.root / path[1:]).is_socket()
    with make.socket("Stream", "/open/s") as made:
        assert made.getsockname() == f"{make.root}/open/s"


def test_addresses_of_the_internet(make: Maker, free_port: int) -> None:
    for kind, address, expected in (
        ("Stream", f"127.0.0.1:{free_port}", ("127.0.0.1", free_port)),
        ("Datagram", f"[::1]:{free_port}", ("::1", free_port, 0, 0)),
        ("Datagram", str(free_port), ("::", free_port, 0, 0)),
    ):
        with make.socket(kind, address) as made:
            assert made.getsockname() == expected
            assert made.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR)


def test_a_port_alone_where_there_is_no_ipv6(make: Maker, free_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "_IPV6_INTERFACES", "/nowhere")
    with make.socket("Stream", str(free_port)) as made:
        assert made.getsockname() == ("0.0.0.0", free_port)
        with pytest.raises(CannotListen, match=rf"\(0\.0\.0\.0:{free_port}\): Address already in use"):
            make("Stream", str(free_port))
    with pytest.raises(CannotListen, match="Address family not supported by protocol"):
        make("Stream", f"[::1]:{free_port}")


def test_ipv6_only_or_both(make: Maker, free_port: int) -> None:
    for word, only in (("both", 0), ("ipv6-only", 1)):
        with make.socket("Stream", str(free_port), bind_ipv6_only=word) as made:
            assert made.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY) == only


def test_abstract_names(make: Maker) -> None:
    name = f"@systemctl-test-{os.getpid()}"
    with make.socket("Stream", name) as made:
        assert made.getsockname() == b"\0" + name[1:].encode()
        with pytest.raises(CannotListen) as caught:
            make("Stream", name)
        assert caught.value.reason == "Address already in use"
        assert caught.value.said == f"Failed to create listening socket ({name}): Address already in use"


def test_netlink(make: Maker) -> None:
    with make.socket("Netlink", "route 4") as made:
        assert (made.family, made.type, made.getsockname()[1]) == (socket.AF_NETLINK, socket.SOCK_RAW, 4)
    with pytest.raises(CannotListen, match=r"listening socket \(31 0\): Protocol not supported"):
        make("Netlink", "31 0")


def test_fifos(make: Maker) -> None:
    fd = make("FIFO", "/d/f", socket_mode=0o622, pipe_size=65536 * 2, symlinks=("/links/l",))
    assert make.problems == ()
    status = (make.root / "d/f").stat()
    assert (stat.S_ISFIFO(status.st_mode), stat.S_IMODE(status.st_mode)) == (True, 0o622)
    import fcntl

    assert fcntl.fcntl(fd, 1032) == 65536 * 2
    assert os.readlink(make.root / "links/l") == "/d/f"
    make("FIFO", "/d/f", socket_mode=0o622)  # one from before serves as well
    for other, mode in (("f", 0o600), ("file", 0o666)):
        (make.root / "d/file").touch(0o666)
        with pytest.raises(CannotListen, match=f"Failed to open FIFO /d/{other}: File exists"):
            make("FIFO", f"/d/{other}", socket_mode=mode)


def test_files_of_the_kernel(make: Maker) -> None:
    make.fds.append(listening.listen(ListenOn("Special", "/proc/self/mounts"), "")[0])
    (make.root / "file").touch()
    with pytest.raises(CannotListen) as caught:
        make("Special", "/file", writable=True)
    assert caught.value.said == "Failed to watch listening fds: Operation not permitted"
    (make.root / "d").mkdir()
    with pytest.raises(CannotListen, match="Failed to open special file /d: File exists"):
        make("Special", "/d")
    with pytest.raises(CannotListen, match="Failed to open special file /none: No such file or directory"):
        make("Special", "/none")
    with pytest.raises(CannotListen, match="Operation not supported"):
        make("USBFunction", "/d")


def test_message_queues(make: Maker) -> None:
    name = f"/systemctl-test-{os.getpid()}"
    listening.remove((), name)  # which is no failure
    on = ListenOn("MessageQueue", name, SocketOptions(socket_mode=0o600, max_messages=3, message_size=100))
    fd, _ = listening.listen(on, "")
    try:
        make.fds.append(fd)
        assert stat.S_IMODE(os.fstat(fd).st_mode) == 0o600
        # The kernel tells nothing of its size to who does not ask for it by another system call.
        assert b"QSIZE:0" in Path(f"/proc/self/fdinfo/{fd}").read_bytes() or os.read(fd, 80).startswith(b"QSIZE:0")
        with pytest.raises(CannotListen, match=f"Failed to open message queue {name}: File exists"):
            listening.listen(ListenOn("MessageQueue", name), "")
    finally:
        listening.remove((), name)
    with pytest.raises(CannotListen, match="Permission denied"):
        listening.listen(ListenOn("MessageQueue", "/a/b"), "")


@pytest.mark.parametrize("remove", [False, True])
def test_what_stands_where_a_link_is_to_be(make: Maker, remove: bool) -> None:
    (make.root / "l").touch()
    make("Stream", "/s", symlinks=("/l", "/new/l"), remove=remove)
    said = () if remove else ((4, "Failed to create symlink /s → /l, ignoring: File exists"),)
    assert make.problems == said
    assert os.path.islink(make.root / "l") == remove
    assert os.readlink(make.root / "new/l") == "/s"
    make("Stream", "/s", symlinks=("/new/l",), remove=remove)
    assert make.problems == ()


def test_removal(make: Maker) -> None:
    make("Stream", "/s", symlinks=("/l",))
    listening.remove([f"{make.root}/{name}" for name in ("s", "l", "none", "none/none")], "")
    assert os.listdir(make.root) == []


def test_links_of_others_are_not_followed(make: Maker) -> None:
    """Whoever may write to a directory on the way would have us make and remove files anywhere."""
    (make.root / "away").mkdir()
    theirs = make.root / "theirs"
    theirs.mkdir()
    (theirs / "l").symlink_to(make.root / "away")
    os.lchown(theirs / "l", 1, 1)
    for kind in ("Stream", "FIFO"):
        with pytest.raises(CannotListen):
            make(kind, "/theirs/l/s")
    assert os.listdir(make.root / "away") == []


def test_nothing_is_made_outside_the_root(make: Maker, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside")
    (make.root / "run").symlink_to(outside)
    with pytest.raises(CannotListen, match="Too many levels of symbolic links"):
        make("Stream", "/run/s")
    assert os.listdir(outside) == []


OPTIONS: list[tuple[dict[str, Any], int, int, int]] = [
    ({"keep_alive": True}, socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    ({"keep_alive_time": 77_000_000}, socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 77),
    ({"keep_alive_interval": 7_900_000}, socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 7),
    ({"keep_alive_probes": 5}, socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 5),
    ({"defer_accept": 3_000_000}, socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 3),
    ({"no_delay": True}, socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
    ({"priority": 5}, socket.SOL_SOCKET, socket.SO_PRIORITY, 5),
    ({"receive_buffer": 40000}, socket.SOL_SOCKET, socket.SO_RCVBUF, 80000),
    ({"send_buffer": 40000}, socket.SOL_SOCKET, socket.SO_SNDBUF, 80000),
    ({"ip_tos": 8}, socket.IPPROTO_IP, socket.IP_TOS, 8),
    ({"ip_ttl": 9}, socket.IPPROTO_IP, socket.IP_TTL, 9),
    ({"free_bind": True}, socket.IPPROTO_IP, 15, 1),
    ({"broadcast": True}, socket.SOL_SOCKET, socket.SO_BROADCAST, 1),
    ({"pass_packet_info": True}, socket.IPPROTO_IP, 8, 1),
    ({"timestamping": "us"}, socket.SOL_SOCKET, 29, 1),
    ({"timestamping": "ns"}, socket.SOL_SOCKET, 35, 1),
    ({"reuse_port": True}, socket.SOL_SOCKET, socket.SO_REUSEPORT, 1),
]


@pytest.mark.parametrize(("more", "level", "number", "value"), OPTIONS, ids=[next(iter(row[0])) for row in OPTIONS])
def test_options(make: Maker, free_port: int, more: dict[str, Any], level: int, number: int, value: int) -> None:
    with make.socket("Stream", f"127.0.0.1:{free_port}", **more) as made:
        found = made.getsockopt(level, number)
        assert found == value or (number == socket.TCP_DEFER_ACCEPT and found >= value)
    assert make.problems == ()


def test_options_of_other_sockets(make: Maker, free_port: int) -> None:
    with make.socket("Datagram", "/s", pass_credentials=True, pass_security=True) as made:
        assert made.getsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED)
        assert made.getsockopt(socket.SOL_SOCKET, 34)
    with make.socket("Datagram", f"[::1]:{free_port}", pass_packet_info=True, ip_ttl=9, free_bind=True) as made:
        numbers = (socket.IPV6_RECVPKTINFO, socket.IPV6_UNICAST_HOPS, 78)
        assert [made.getsockopt(socket.IPPROTO_IPV6, number) for number in numbers] == [1, 9, 1]
    with make.socket("Stream", f"127.0.0.1:{free_port}", tcp_congestion="reno") as made:
        assert made.getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, 16).startswith(b"reno\0")
    assert make.problems == ()


def test_options_that_cannot_be_had_are_told_in_order(make: Maker) -> None:
    make("Datagram", "/s", no_delay=True, ip_ttl=9, pass_packet_info=True, tcp_congestion="none")
    assert make.problems == (
        (4, "TCP_NODELAY failed: Operation not supported"),
        (4, "Failed to enable packet info socket option: Address family not supported by protocol"),
        (4, "IP_TTL/IPV6_UNICAST_HOPS failed: Address family not supported by protocol"),
        (4, "TCP_CONGESTION failed: Operation not supported"),
    )


def test_a_device_that_is_not_there(make: Maker, free_port: int) -> None:
    with pytest.raises(CannotListen, match="No such device"):
        make("Stream", f"127.0.0.1:{free_port}", bind_to_device="none0")


def test_what_waits_is_dropped(make: Maker) -> None:
    """Also if the service has made the socket one that blocks."""
    with make.socket("Stream", "/s") as made, socket.socket(socket.AF_UNIX) as client:
        client.connect(f"{make.root}/s")
        made.setblocking(True)
        flushing.flush(made.fileno())
        assert client.recv(1) == b""
    with make.socket("Datagram", "/d") as made, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client:
        for _ in range(3):
            client.sendto(b"x", f"{make.root}/d")
        flushing.flush(made.fileno())
        assert select.select([made], [], [], 0)[0] == []
    fifo = make("FIFO", "/f")
    os.write(fifo, b"x" * 1000)
    flushing.flush(fifo)
    assert select.select([fifo], [], [], 0)[0] == []


def test_nothing_stays_open_when_it_fails_half_way(make: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which the fixture looks for."""
    from systemctl_replacement.manager.ports import nodes

    def fail(*_arguments: Any) -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(nodes, "touch", fail)
    with pytest.raises(CannotListen, match="Too many open files"):
        make("Stream", "/s")
