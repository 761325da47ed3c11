"""One message that cannot be sent or read costs neither those before it nor those behind it."""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from systemctl_replacement.process.link import INLINE_LIMIT, Link
from systemctl_replacement.process.uplink import Uplink


@pytest.fixture
def ends() -> Iterator[tuple[Link, Link]]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    pair = Link(ours.detach()), Link(theirs.detach())
    yield pair
    for link in pair:
        link.close()


def test_descriptors_are_closed_once_whatever_happens_between(
    ends: tuple[Link, Link], monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = ends
    fill(ours)
    null = os.open("/dev/null", os.O_RDONLY)
    for number in range(3):
        ours.send({"number": number}, (null,))
    os.close(null)
    real, sent = Link._send_pieces, 0

    def send(link: Link, pieces: list[bytes], fds: Any) -> bool:
        nonlocal sent
        sent += bool(fds)
        if sent == 3:
            raise MemoryError
        return real(link, pieces, fds)

    monkeypatch.setattr(Link, "_send_pieces", send)
    while True:
        for _, fds in theirs.receive():
            for fd in fds:
                os.close(fd)
        try:
            ours.flush()
        except MemoryError:
            break
    monkeypatch.undo()
    (bystander,) = (unsent.fds for unsent in ours._queue)
    assert len(bystander) == 1
    others = [os.open("/dev/null", os.O_RDONLY) for _ in range(3)]
    assert ours.flush() == []
    for other in others:
        os.close(other)  # nobody else has


@pytest.mark.parametrize(
    "bad", [b"garbage", b">x", b"[" * (INLINE_LIMIT + 8192)], ids=["garbage", "no beginning", "too long"]
)
def test_a_message_that_cannot_be_read_is_lost_alone(ends: tuple[Link, Link], bad: bytes) -> None:
    ours, theirs = ends
    ours.send({"number": 1})
    ours.socket.sendmsg([bad])
    ours.send({"number": 2})
    assert [message for message, _ in theirs.receive()] == [{"number": 1}]
    with pytest.raises((OSError, ValueError)):
        theirs.receive()
    assert [message for message, _ in theirs.receive()] == [{"number": 2}]


def fill(link: Link) -> int:
    """Send messages until one has to wait; how many."""
    sent = 0
    while not link.wants_write:
        link.send({"number": sent, "filling": "x" * 4096})
        sent += 1
    return sent


def refuse(
    monkeypatch: pytest.MonkeyPatch, link: Link, error: int, which: Callable[[bytes], bool], times: int = 1
) -> None:
    """Have the kernel refuse to send some datagrams, a number of times."""
    real, left = link.socket, [times]

    class Refusing:
        def __getattr__(self, name: str) -> Any:
            return getattr(real, name)

        def sendmsg(self, buffers: list[bytes], *arguments: Any) -> int:
            if left[0] and which(buffers[0]):
                left[0] -= 1
                raise OSError(error, os.strerror(error))
            return real.sendmsg(buffers, *arguments)

    monkeypatch.setattr(link, "socket", Refusing())


def collect(ours: Link, theirs: Link, count: int) -> list[tuple[dict[str, Any], list[int]]]:
    """So many messages, however long they are."""
    received: list[tuple[dict[str, Any], list[int]]] = []
    while len(received) < count:
        received += theirs.receive()
        assert not ours.flush()
    return received


def numbers(link: Link) -> list[int]:
    return [message["number"] for message, _ in link.receive()]


@pytest.mark.parametrize("size", [10, 200_000], ids=["short", "in pieces"])
def test_a_message_that_cannot_be_sent_is_lost_alone(
    ends: tuple[Link, Link], monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    ours, theirs = ends
    sent = fill(ours)
    bad = {"number": sent, "filling": "y" * size}
    ours.send(bad)
    ours.send({"number": sent + 1})
    refuse(monkeypatch, ours, errno.EMSGSIZE, lambda data: b"yyyyy" in data and data[:1] != b"<")
    received: list[int] = []
    failures: list[tuple[dict[str, Any], OSError]] = []
    while len(received) < sent + 1:
        received += numbers(theirs)
        failures += ours.flush()
    assert [(message, error.errno) for message, error in failures] == [(bad, errno.EMSGSIZE)]
    assert received == [*range(sent), sent + 1]
    with pytest.raises(OSError):
        refuse(monkeypatch, ours, errno.EMSGSIZE, lambda _data: True)
        ours.send(bad)
    ours.send({"number": 7})
    assert numbers(theirs) == [7]


@pytest.mark.parametrize("error", [errno.ENOBUFS, errno.ENOMEM, errno.ETOOMANYREFS])
def test_what_the_kernel_lacks_for_now_is_waited_for(
    ends: tuple[Link, Link], monkeypatch: pytest.MonkeyPatch, error: int
) -> None:
    ours, theirs = ends
    refuse(monkeypatch, ours, error, lambda _data: True, times=2)
    ours.send({"number": 1})
    ours.send({"number": 2})
    # The socket could be written to, which says nothing: whoever waits for that would be woken all the time.
    assert (ours.stalled, ours.queued, ours.wants_write) == (True, 2, False)
    assert (ours.flush(), ours.stalled) == ([], True)
    assert (ours.flush(), ours.stalled) == ([], False)
    assert numbers(theirs) == [1, 2]


@contextlib.contextmanager
def few_descriptors(free: int) -> Iterator[None]:
    """So many can be opened, and no more."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken: list[int] = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(map(int, os.listdir("/proc/self/fd"))) + 10, limit[1]))
    try:
        with contextlib.suppress(OSError):
            while True:
                taken.append(os.dup(0))
        for _ in range(free):
            os.close(taken.pop())
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limit)
        for fd in taken:
            os.close(fd)


def open_descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    fds = os.pipe()
    yield fds
    for fd in fds:
        os.close(fd)


def test_descriptors_that_cannot_be_queued_are_not_kept(ends: tuple[Link, Link], pipe: tuple[int, int]) -> None:
    ours, theirs = ends
    sent = fill(ours)
    before = open_descriptors()
    with few_descriptors(1), pytest.raises(OSError):
        ours.send({"number": -1}, pipe)  # there is one descriptor for two
    assert open_descriptors() == before
    ours.send({"number": sent})
    assert [message["number"] for message, _ in collect(ours, theirs, sent + 1)] == list(range(sent + 1))


@pytest.mark.parametrize("size", [10, 200_000], ids=["short", "in pieces"])
@pytest.mark.parametrize("free", [0, 1])
def test_descriptors_that_cannot_be_received_cost_no_message(
    ends: tuple[Link, Link], pipe: tuple[int, int], size: int, free: int
) -> None:
    ours, theirs = ends
    before = open_descriptors()
    ours.send({"number": 1, "filling": "z" * size}, pipe)
    ours.send({"number": 2})
    with few_descriptors(free):
        (first, none), (second, _) = collect(ours, theirs, 2)
    assert (first["number"], first["fds_lost"], none) == (1, True, [])
    assert second == {"number": 2}
    assert open_descriptors() == before


def test_a_long_message_needs_no_descriptor(ends: tuple[Link, Link], pipe: tuple[int, int]) -> None:
    ours, theirs = ends
    long = {"number": 1, "filling": "z" * 3_000_000}
    with few_descriptors(0):
        ours.send(long)
        assert theirs.receive() == []
        assert (ours.is_amid, theirs.is_amid) == (True, True)
        assert collect(ours, theirs, 1) == [(long, [])]
        assert (ours.is_amid, theirs.is_amid) == (False, False)
    ours.send(long, pipe[:1])
    ((message, fds),) = collect(ours, theirs, 1)
    assert message == long and len(fds) == 1
    os.close(fds[0])


def test_messages_that_were_read_are_not_lost_with_one_that_cannot_be(
    ends: tuple[Link, Link], monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = ends
    real = theirs.socket
    results: list[OSError | None] = [None, OSError(errno.ENOMEM, "Cannot allocate memory"), None, None]

    class Failing:
        def recvmsg_into(self, *arguments: Any) -> Any:
            result = results.pop(0)
            if result is not None:
                raise result
            return real.recvmsg_into(*arguments)

    monkeypatch.setattr(theirs, "socket", Failing())
    ours.send({"number": 1})
    ours.send({"number": 2})
    assert numbers(theirs) == [1]
    with pytest.raises(OSError, match="memory"):
        theirs.receive()
    assert numbers(theirs) == [2]
    monkeypatch.undo()


def test_what_a_supervisor_tells_is_not_lost(
    ends: tuple[Link, Link], pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = ends
    uplink = Uplink(ours)
    refuse(monkeypatch, ours, errno.EMSGSIZE, lambda data: b"exited" in data, times=3)
    uplink.send({"ev": "exited", "number": 1})
    uplink.send({"ev": "empty", "number": 2})
    assert numbers(theirs) == []
    assert len(uplink.late) == 2
    uplink.flush()
    uplink.send({"ev": "notify", "number": 3}, pipe)
    assert len(uplink.late) == 3
    uplink.flush()
    assert uplink.late == []
    received = [message for message, _ in theirs.receive()]
    assert [message["number"] for message in received] == [1, 2, 3]
    assert received[2]["fds_lost"]


def test_a_notification_arrives_without_its_descriptors(ends: tuple[Link, Link], pipe: tuple[int, int]) -> None:
    ours, theirs = ends
    uplink = Uplink(ours)
    sent = fill(ours)
    with few_descriptors(1):
        uplink.send({"ev": "notify", "number": sent}, pipe)
    received: list[dict[str, Any]] = []
    while len(received) < sent + 1:
        received += [message for message, _ in theirs.receive()]
        uplink.flush()
    assert received[-1] == {"ev": "notify", "number": sent, "fds_lost": True}


@pytest.mark.parametrize("is_read_before", [False, True])
def test_what_was_sent_arrives_although_its_sender_has_left_something_unread(
    ends: tuple[Link, Link], is_read_before: bool
) -> None:
    ours, theirs = ends
    ours.send({"left": "unread"})
    theirs.send({"number": 1})
    if is_read_before:
        assert ours.receive() == [({"number": 1}, [])]
    theirs.send({"number": 2})
    theirs.close()
    assert ours.receive() == [({"number": number}, []) for number in ((2,) if is_read_before else (1, 2))]
    with pytest.raises(EOFError):
        ours.receive()
    ours.send({"to": "nobody"})
    with pytest.raises(EOFError):
        ours.receive()
