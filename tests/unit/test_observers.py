"""Telling whoever wants to know."""

from __future__ import annotations

from systemctl_replacement.loop import Loop
from systemctl_replacement.observers import Observers


def test_each_is_told_in_order_and_a_defect_costs_no_other() -> None:
    defects: list[str] = []
    told: list[str] = []
    observers: Observers[str] = Observers(Loop(lambda where, error: defects.append(str(error))).guard)

    def broken(_news: str) -> None:
        raise RuntimeError("a defect")

    def last(news: str) -> None:
        told.append(f"last {news}")
        observers.remove(last)
        observers.add(lambda news: told.append(f"new {news}"))

    observers.add(lambda news: told.append(f"first {news}"))
    observers.add(broken)
    observers.add(last)
    observers.tell("one")
    observers.remove(last)  # it has gone already
    observers.tell("two")
    assert told == ["first one", "last one", "first two", "new two"]
    assert defects == ["a defect", "a defect"]
