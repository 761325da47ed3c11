"""What the collector of the log is told of units."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from systemctl_replacement.manager.logs.attribution import Whose, everything, messages
from systemctl_replacement.records import replace

A = Whose("a.service", 10, (), "1" * 32, {"slice": "system.slice", "journal": {}})
UNIT = {"unit": "a.service", "invocation": "1" * 32, "slice": "system.slice", "journal": {}}


def test_a_unit_comes_changes_and_goes() -> None:
    assert messages(None, A) == [{"op": "unit", "supervisor": 10, **UNIT}]
    assert messages(A, A) == []
    again = replace(A, invocation="2" * 32)
    assert messages(A, again) == [{"op": "unit", "supervisor": 10, **UNIT, "invocation": "2" * 32}]
    assert messages(A, None) == [{"op": "gone", "pid": 10}]
    assert messages(None, None) == []


def test_the_supervisor_dies_and_is_replaced() -> None:
    orphaned = replace(A, supervisor=0, pids=(12, 11))
    assert messages(A, orphaned) == [
        {"op": "pid", "pid": 11, **UNIT},
        {"op": "pid", "pid": 12, **UNIT},
        {"op": "gone", "pid": 10},
    ]
    assert messages(orphaned, replace(orphaned, supervisor=20, pids=(12,))) == [
        {"op": "unit", "supervisor": 20, **UNIT},
        {"op": "gone", "pid": 11},
    ]


def test_a_number_that_comes_around_is_not_gone() -> None:
    assert messages(replace(A, supervisor=0, pids=(11,)), replace(A, supervisor=11)) == [
        {"op": "unit", "supervisor": 11, **UNIT}
    ]


def test_all_of_it_is_said_to_be_all() -> None:
    assert everything([A, replace(A, unit="b.service", supervisor=0, pids=(12, 11))]) == {
        "op": "all",
        "pids": [10, 11, 12],
    }


def test_a_unit_is_renamed() -> None:
    assert messages(A, replace(A, unit="b.service")) == [
        {"op": "rename", "unit": "a.service", "to": "b.service"},
        {"op": "unit", "supervisor": 10, **UNIT, "unit": "b.service"},
    ]


STATES = st.none() | st.builds(
    lambda unit, supervisor, pids, invocation: Whose(unit, supervisor, tuple(pids), invocation, {}),
    st.sampled_from(("a.service", "b.service")),
    st.sampled_from((0, 10, 20)),
    st.frozensets(st.sampled_from((11, 12, 13))),
    st.sampled_from(("1" * 32, "2" * 32)),
)


@given(st.lists(STATES))
def test_who_hears_every_message_knows_what_is_so(states: list[Whose | None]) -> None:
    known: dict[int, tuple[str, str]] = {}
    before = None
    for now in states:
        for message in messages(before, now):
            if message["op"] == "rename":
                known = {
                    key: (message["to"] if unit == message["unit"] else unit, invocation)
                    for key, (unit, invocation) in known.items()
                }
                continue
            pid = message.get("supervisor") or message["pid"]
            if message["op"] == "gone":
                del known[pid]
            else:
                known[pid] = (message["unit"], message["invocation"])
        before = now
        expected: set[int] = set()
        if now is not None:
            expected = {*now.pids, now.supervisor} - {0}
            assert set(known.values()) <= {(now.unit, now.invocation)}
        assert set(known) == expected
