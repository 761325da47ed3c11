"""The manager's handle of the collector: what is asked of one that dies is asked of the next one."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from systemctl_replacement.loop import Loop
from systemctl_replacement.process.link import Link
from systemctl_replacement.supervision import collector as handle_module
from systemctl_replacement.supervision.collector import Collector


class Made:
    """A handle, and the other ends of the links of the processes that were asked for."""

    def __init__(self) -> None:
        self.links: list[Link] = []
        nothing: Any = lambda *_arguments: None  # noqa: E731
        self.loop = Loop(nothing)
        self.on_made: Any = nothing
        forkserver = SimpleNamespace(request_collector=self._request)
        helpers: Any = SimpleNamespace(
            others=[], asked={}, is_there=True, forkserver=forkserver, flush=nothing, look=nothing
        )
        patience: Any = SimpleNamespace(expect=nothing, over=nothing, answered=nothing)
        self.handle = Collector(
            self.loop, helpers, patience, {}, nothing, dict, lambda: self.on_made(), nothing, nothing, lambda: False
        )
        self.handle.begin()

    def _request(self, fd: int, streams: int) -> None:
        self.highest = streams
        self.links.append(Link(os.dup(fd)))

    def asked(self) -> list[tuple[str, int]]:
        """What the process in place is asked for."""
        return [(message["op"], message["number"]) for message, _ in self.links[-1].receive()]

    def answer(self, number: int) -> None:
        assert self.handle.link is not None
        self.links[-1].send({"ev": "synced", "number": number}, [])
        self.handle._go_on(self.handle.link)


@pytest.fixture
def made() -> Iterator[Made]:
    made = Made()
    yield made
    made.handle.end()
    for link in made.links:
        link.close()


def test_one_is_made_later_where_there_is_no_descriptor_for_it(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_room() -> Any:
        raise OSError(errno.EMFILE, "Too many open files")

    made.handle._lose()
    before = len(made.links)
    with monkeypatch.context() as patched:
        patched.setattr(handle_module, "make_pair", no_room)
        made.handle._start()
    assert len(made.links) == before
    made.on_made = made.loop.stop
    made.loop.run()
    assert len(made.links) == before + 1


def test_what_is_asked_of_one_that_dies_is_asked_of_the_next(made: Made) -> None:
    done: list[str] = []
    made.handle.rotate(lambda: done.append("rotated"))
    made.handle.sync(lambda: done.append("synced"))
    asked = [("rotate", 1), ("sync", 2)]
    assert made.asked() == asked
    made.handle._lose()
    made.handle._start()
    assert len(made.links) == 2 and made.asked() == asked and not done
    made.answer(1)
    assert done == ["rotated"]
    made.answer(2)
    assert done == ["rotated", "synced"]


def test_the_next_one_is_told_which_numbers_are_taken(made: Made) -> None:
    ours, theirs = os.pipe()
    made.handle._received({"ev": "stream", "number": 7, "state": {}}, [ours])
    made.handle._disconnect()
    made.handle._start()
    assert made.highest == 7
    os.close(theirs)
