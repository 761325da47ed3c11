"""How calls are answered."""

from __future__ import annotations

from collections.abc import Generator
from types import SimpleNamespace
from typing import Any, Callable, cast

import pytest

from systemctl_replacement.jobs.model import Job
from systemctl_replacement.manager.jobs.enqueue import Enqueue


def test_a_job_that_ends_while_the_next_one_is_enqueued_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    waiting: dict[int, Callable[[Job, str], None]] = {}
    replies: list[list[dict[str, Any]]] = []

    def enqueue(self: Enqueue, name: str, outcome: dict[str, Any]) -> Generator[None, None, Job]:
        yield  # the unit is being loaded
        return Job(int(name), f"{name}.service", "start")

    monkeypatch.setattr(Enqueue, "_enqueue", enqueue)
    manager: Any = SimpleNamespace(
        jobs=SimpleNamespace(when_finished=waiting.__setitem__), registry=SimpleNamespace(find=lambda name: None)
    )
    request: Any = SimpleNamespace(
        parameters={"names": ["1", "2"], "wait": True},
        reply=lambda jobs: replies.append(jobs),
        reply_more=lambda jobs: None,
    )
    steps = Enqueue(manager, cast("Any", None), request).run()
    next(steps)
    next(steps)  # the first is enqueued, the second is being loaded
    waiting.pop(1)(Job(1, "1.service", "start"), "failed")
    assert list(steps) == []
    assert not replies
    waiting.pop(2)(Job(2, "2.service", "start"), "done")
    assert [outcome["result"] for outcome in replies[0]] == ["failed", "done"]
