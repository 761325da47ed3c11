"""One message that cannot be sent or read costs neither those before it nor those behind it."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from systemctl_replacement.process.link import INLINE_LIMIT, Link


@pytest.fixture
def ends() -> Iterator[tuple[Link, Link]]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    pair = Link(ours.detach()), Link(theirs.detach())
    yield pair
    for link in pair:
        link.close()


@pytest.mark.parametrize(
    "bad", [b"garbage", b"M", b"[" * (INLINE_LIMIT + 8192)], ids=["garbage", "no memfd", "too long"]
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


def test_a_message_that_cannot_be_sent_is_lost_alone(ends: tuple[Link, Link]) -> None:
    ours, theirs = ends
    sent = 0
    while not ours.wants_write:
        ours.send({"number": sent, "filling": "x" * 4096})
        sent += 1
    ours._queue.append((b"x" * (4 << 20), []))  # more than the kernel takes at once
    ours.send({"number": sent + 1})
    received: list[int] = []
    failures = 0
    while len(received) < sent + 1:
        received += [message["number"] for message, _ in theirs.receive()]
        try:
            ours.flush()
        except OSError:
            failures += 1
    assert failures == 1
    assert received == [*range(sent), sent + 1]
