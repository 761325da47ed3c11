"""What one peer can make us do at a time, in datagrams and descriptors."""

from __future__ import annotations

import gc
import os
import socket
from collections.abc import Iterator

import pytest

from systemctl_replacement.loop import READ, Loop, now_monotonic
from systemctl_replacement.process.link import MAXIMUM_FDS, Link, close_fds
from systemctl_replacement.supervision import links


@pytest.fixture
def ends() -> Iterator[tuple[Link, Link]]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    pair = Link(ours.detach()), Link(theirs.detach())
    yield pair
    for link in pair:
        link.close()


@pytest.fixture
def many() -> Iterator[list[int]]:
    fds = [os.open("/dev/null", os.O_RDONLY) for _ in range(MAXIMUM_FDS)]
    yield fds
    close_fds(fds)


@pytest.fixture
def loop() -> Iterator[Loop]:
    def failed(_what: str, error: BaseException) -> None:
        raise error

    yield Loop(failed)
    gc.collect()  # a loop and its callbacks refer to each other, and it has descriptors


def take(link: Link) -> tuple[int, int]:
    received = link.receive()
    for _, fds in received:
        close_fds(fds)
    return len(received), sum(len(fds) for _, fds in received)


def test_a_descriptor_counts_as_much_as_a_datagram(ends: tuple[Link, Link], many: list[int]) -> None:
    ours, theirs = ends
    for _ in range(4):
        ours.send({}, many)
    for _ in range(70):
        ours.send({}, many[:2])
    assert [take(theirs) for _ in range(5)] == [(1, MAXIMUM_FDS)] * 4 + [(22, 44)]


def test_looking_for_what_has_arrived_takes_no_more_descriptors_of_a_link(
    ends: tuple[Link, Link], many: list[int], loop: Loop
) -> None:
    ours, theirs = ends
    taken: list[int] = []

    def ready() -> None:
        _messages, fds = take(theirs)
        taken.append(fds)
        links.watch(loop, theirs, ready, rests=fds > 0)
        if len(taken) == 6:
            loop.stop()

    loop.add(theirs.fileno(), READ, lambda _events: ready())
    for _ in range(6):
        ours.send({}, many)
    at_deadline: list[int] = []
    loop.call_at(now_monotonic(), lambda: at_deadline.append(len(taken)))
    loop.run()
    assert at_deadline == [1]
    assert taken == [MAXIMUM_FDS] * 6, "the rest comes in the following turns"
    loop.remove(theirs.fileno())
