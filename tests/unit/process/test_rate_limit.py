"""How many messages a unit may log."""

from __future__ import annotations

from systemctl_replacement.process.rate_limit import RateLimit, burst_for

SECOND = 1_000_000
MIB = 1 << 20


def test_the_burst_grows_with_the_space() -> None:
    # As journald's burst_modulate() has it in a comment.
    assert [burst_for(100, size) for size in (0, MIB, 16 * MIB, 256 * MIB, 4096 * MIB, 65536 * MIB)] == [
        100, 100, 200, 300, 400, 500,
    ]  # fmt: skip


def test_what_is_beyond_the_burst_is_counted_and_told_with_the_next_interval() -> None:
    limit = RateLimit(30 * SECOND, 3)
    assert [limit.admit(6, now, 0) for now in range(5)] == [(True, 0)] * 3 + [(False, 0)] * 2
    assert limit.admit(6, 30 * SECOND, 0) == (False, 0)
    assert limit.admit(6, 31 * SECOND, 0) == (True, 3)
    assert limit.admit(6, 31 * SECOND, 0) == (True, 0)


def test_a_flood_of_details_leaves_room_for_errors() -> None:
    limit = RateLimit(30 * SECOND, 1)
    assert [limit.admit(level, 0, 0)[0] for level in (7, 7, 6, 5, 4, 3, 2, 1)] == [
        True, False, True, False, True, True, True, False,
    ]  # fmt: skip


def test_no_limit() -> None:
    for limit in (RateLimit(0, 5), RateLimit(5, 0)):
        assert all(limit.admit(6, 1, 0) == (True, 0) for _ in range(20))
