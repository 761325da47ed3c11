"""Signalling a service while its ExecStop= is still running."""

from __future__ import annotations

import pytest

from systemctl_replacement.records import replace
from systemctl_replacement.units.commands.state import Running
from systemctl_replacement.units.events import Signal, SignalAll
from systemctl_replacement.units.service.config import ServiceConfig
from systemctl_replacement.units.service.reminder import remind
from systemctl_replacement.units.service.state import ServiceState

CONFIG = ServiceConfig(kill_signal=3, send_sighup=True)
STATE = ServiceState(sub="stop", main_pid=7, main_known=True, control=Running("ExecStop", 0, None, 1, pid=9))
WITHOUT_MAIN = replace(STATE, main_pid=0)


@pytest.mark.parametrize(
    ("config", "state", "actions"),
    [
        (CONFIG, STATE, (SignalAll(3, (9,), hup=True),)),
        (CONFIG, replace(STATE, main_alien=True), (Signal((7,), 3, hup=True), SignalAll(3, (9,), hup=True))),
        (replace(CONFIG, kill_mode="mixed"), STATE, (Signal((7,), 3, hup=True),)),
        (replace(CONFIG, kill_mode="mixed"), WITHOUT_MAIN, (SignalAll(3, (9,), hup=True),)),
        (CONFIG, WITHOUT_MAIN, (SignalAll(3, (9,), hup=True),)),
        (replace(CONFIG, kill_mode="process"), STATE, (Signal((7,), 3, hup=True, cont=True),)),
        (replace(CONFIG, kill_mode="process"), WITHOUT_MAIN, ()),
        (replace(CONFIG, kill_mode="none"), STATE, ()),
        (CONFIG, replace(STATE, sub="stop-sigterm"), ()),
        (CONFIG, replace(STATE, sub="stop-post"), ()),
    ],
)
def test_remind(config: ServiceConfig, state: ServiceState, actions: tuple[object, ...]) -> None:
    assert remind(config, state) == actions
