"""The machine against docs/states.md."""

from __future__ import annotations

from tests.test_documentation import table
from tests.unit.units.exploration import transitions


def test_every_way_is_in_the_table_and_found_in_the_code() -> None:
    documented = {(old, new) for old, followers in table("states.md", "All transitions") for new in followers.split()}
    assert documented == transitions()
