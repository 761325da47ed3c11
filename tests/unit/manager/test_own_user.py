"""Whom units ask for, where the manager can run programs only as itself."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from systemctl_replacement import syscalls
from systemctl_replacement.manager import own_user
from systemctl_replacement.manager.own_user import OwnUser, asking_for_others, ignores_others
from systemctl_replacement.manager.spec_of_unit import ExecDefaults, spec_of
from systemctl_replacement.manager.unit import ManagedUnit
from systemctl_replacement.process.exec_spec import Identity, Ownership
from systemctl_replacement.unitfile.load import load
from systemctl_replacement.unitfile.loadpath import Index
from systemctl_replacement.unitfile.manager_config import ManagerConfig
from systemctl_replacement.unitfile.parsers.commands import ExecCommand
from systemctl_replacement.unitfile.specifiers import Host
from systemctl_replacement.units.events import Spawn
from systemctl_replacement.units.listen_on import take_ownership
from tests.unit.manager.test_spec_of_unit import managed

APP = Host(user="app", uid=1000, group="app", gid=1000)
NAMELESS = Host(user="1000650000", uid=1000650000, group="root", gid=0)


@pytest.mark.parametrize(
    ("host", "settings", "found"),
    [
        (APP, "", ()),
        (APP, "User=app\nGroup=1000", ()),
        (APP, "User=1000", ()),
        (APP, "User=daemon", ("User",)),
        (APP, "User=root\nGroup=daemon", ("User", "Group")),
        (APP, "User=app\nSupplementaryGroups=games", ("SupplementaryGroups",)),
        (APP, "DynamicUser=yes\nSupplementaryGroups=games", ("DynamicUser", "SupplementaryGroups")),
        (NAMELESS, "User=1000650000\nGroup=root", ()),
        (NAMELESS, "User=root\nGroup=0", ("User",)),
    ],
)
def test_whom_a_unit_asks_for(tmp_path: Path, host: Host, settings: str, found: tuple[str, ...]) -> None:
    unit = managed(tmp_path, settings)
    assert asking_for_others(host, unit.own) == found
    assert OwnUser(lambda: host, True).ignored(unit.own) == found
    assert OwnUser(lambda: host, False).ignored(unit.own) == ()


@pytest.mark.parametrize(
    ("settings", "user"), [("User=daemon\nGroup=games\nRemoveIPC=yes", "daemon"), ("DynamicUser=yes", "")]
)
def test_only_the_environment_heeds_an_ignored_user(tmp_path: Path, settings: str, user: str) -> None:
    unit = managed(tmp_path, f"{settings}\nStateDirectory=a")
    defaults = ExecDefaults("", ManagerConfig(), {}, OwnUser(lambda: APP, True))
    spec = spec_of(defaults, unit, Spawn(1, "ExecStart", ExecCommand("/bin/true", ("/bin/true",)), main=True))
    assert spec.identity == Identity(user=user, only_in_environment=True)
    assert spec.launch.kept_users == ()
    assert not spec.directories[0].private


@pytest.mark.parametrize(
    ("host", "settings", "found", "ownership"),
    [
        (APP, "SocketUser=app\nSocketGroup=1000", (), ("app", "1000")),
        (APP, "SocketUser=daemon", ("SocketUser",), ("", "")),
        (APP, "SocketUser=app\nSocketGroup=daemon", ("SocketGroup",), ("app", "")),
        (NAMELESS, "SocketUser=www-data\nSocketGroup=www-data", ("SocketUser", "SocketGroup"), ("", "")),
        (NAMELESS, "SocketUser=1000650000\nSocketGroup=root", (), ("1000650000", "root")),
    ],
)
def test_whom_sockets_are_given_to(
    tmp_path: Path, host: Host, settings: str, found: tuple[str, ...], ownership: tuple[str, str]
) -> None:
    (tmp_path / "a.socket").write_text(f"[Socket]\nListenStream=/run/a\n{settings}\n")
    unit = ManagedUnit(load("a.socket", Index([str(tmp_path)]), host))
    command = take_ownership(unit.file)
    assert command is not None
    action = Spawn(1, "start-chown", command, main=False)
    ignoring = ExecDefaults("", ManagerConfig(), {}, OwnUser(lambda: host, True))
    assert ignoring.ignored_owners(unit) == found
    assert ignoring.ignored_identity(unit) == ()
    assert spec_of(ignoring, unit, action).ownership == Ownership(*ownership, ("/run/a",))
    heeding = ExecDefaults("", ManagerConfig(), {}, OwnUser(lambda: host, False))
    assert heeding.ignored_owners(unit) == ()
    assert spec_of(heeding, unit, action).ownership == Ownership(command.user, command.group, ("/run/a",))


@pytest.mark.parametrize(
    ("value", "uid", "capabilities", "ignores"),
    [
        ("", 1000, 0, False),
        ("yes", 1000, 0, True),
        ("no", 1000, 0, False),
        ("yes", 0, 0, False),
        ("yes", 1, 128, False),
    ],
)
def test_who_ignores_others(
    monkeypatch: pytest.MonkeyPatch, value: str, uid: int, capabilities: int, ignores: bool
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: uid)
    monkeypatch.setattr(syscalls, "get_capabilities", lambda: (capabilities, 0, 0))
    assert ignores_others({own_user.VARIABLE: value}, pytest.fail) is ignores


def test_a_word_that_is_neither_yes_nor_no() -> None:
    said: list[str] = []
    assert not ignores_others({own_user.VARIABLE: "perhaps"}, said.append)
    assert said == ["$SYSTEMCTL_IGNORE_USER is neither yes nor no, ignoring: perhaps"]
