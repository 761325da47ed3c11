"""The table of types and the kinds it leads to."""

from __future__ import annotations

import subprocess
import sys

import pytest

from systemctl_replacement.unitfile.load import Unit, load
from systemctl_replacement.unitfile.loadpath import Index
from systemctl_replacement.unitfile.manager_config import ManagerConfig
from systemctl_replacement.unitfile.names import UNIT_TYPES
from systemctl_replacement.unitfile.specifiers import Host
from systemctl_replacement.units import events
from systemctl_replacement.units.table import TYPES, traits_of
from tests.test_architecture import PACKAGE

CONTEXT = events.Context(now=1)


def file(unit_type: str) -> Unit:
    """A unit without files."""
    return load(f"x.{unit_type}", Index([]), Host())


def test_each_type_has_a_row() -> None:
    assert set(TYPES) == set(UNIT_TYPES)
    assert traits_of("a.b.target") is TYPES["target"]
    assert not traits_of("a").startable


@pytest.mark.parametrize("unit_type", UNIT_TYPES)
def test_every_kind_answers(unit_type: str) -> None:
    """What the manager asks of any unit has an answer that fits the others."""
    traits = TYPES[unit_type]
    kind = traits.load()
    config = kind.configure(file(unit_type), ManagerConfig(), lambda: True)
    state = kind.initial_state()
    assert isinstance(state, kind.records)
    assert (state.sub, kind.active_state(config, state), kind.result(state)) == ("dead", "inactive", "success")
    assert kind.deadlines(state) == () == kind.resume(config, state, CONTEXT)
    assert kind.is_resting(state) and not kind.must_settle(state) and not kind.is_killing(state)
    assert kind.exit_status(state) == -1
    assert kind.properties(file(unit_type), config, state)["Result"] == "success"
    started, actions = kind.step(config, state, events.Start(), CONTEXT)
    assert bool(actions) is traits.startable
    assert actions or started == state, "what changes is told"


@pytest.mark.parametrize("unit_type", ["target", "slice", "scope"])
def test_what_is_up_by_itself(unit_type: str) -> None:
    kind = TYPES[unit_type].load()
    state = kind.up()
    assert kind.active_state(None, state) == "active"
    assert kind.step(None, state, events.Stop(), CONTEXT)[0] == kind.initial_state()


def test_the_table_imports_no_kind() -> None:
    """The command line reads it, and must not pay for machines."""
    code = (
        f"import sys; sys.path.insert(0, {str(PACKAGE.parent)!r}); import {PACKAGE.name}.units.table\n"
        f"print(*(name for name in sys.modules if name.startswith('{PACKAGE.name}.')))"
    )
    found = subprocess.run([sys.executable, "-ISXutf8", "-c", code], capture_output=True, text=True, check=True)
    assert set(found.stdout.split()) == {f"{PACKAGE.name}.{name}" for name in ("units", "units.table", "records")}
