"""Whom a program runs as, where the manager is not root (uid 1 is daemon in every account file)."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any

import pytest

from systemctl_replacement.process import accounts
from systemctl_replacement.process.exec_spec import Identity


def refuse(*_arguments: Any) -> None:
    raise PermissionError(1, os.strerror(1))


@pytest.fixture(autouse=True)
def daemon(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("geteuid", "getegid"):
        monkeypatch.setattr(os, name, lambda: 1)
    monkeypatch.setattr(os, "setgroups", refuse)
    monkeypatch.setattr(accounts, "tell", lambda *_: None)


def found(**identity: Any) -> Any:
    """What the steps have found out."""
    child: Any = SimpleNamespace(
        spec=SimpleNamespace(identity=Identity(**identity)), account=None, gid=None, groups=None, report=-1
    )
    for step in (accounts.find_user, accounts.find_group, accounts.find_supplementary):
        step(child)
    return child


@pytest.mark.parametrize("user", ["daemon", "1"])
@pytest.mark.parametrize("group", ["", "daemon", "1"])
def test_nothing_changes_to_our_own_user(user: str, group: str) -> None:
    child = found(user=user, group=group)
    assert child.account.uid == 1 and child.account.name == "daemon"
    assert child.gid == (1 if group else None)
    assert child.groups is None


def test_the_groups_of_another_user_are_refused_at_once() -> None:
    with pytest.raises(PermissionError):
        found(user="bin")


def test_a_user_that_no_file_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000650000)
    child = found(user="1000650000")
    assert (child.account.uid, child.account.name, child.account.home) == (1000650000, "1000650000", "")
    with pytest.raises(ProcessLookupError):
        found(user="1000650001")


def test_an_ignored_user_is_in_the_environment_if_it_exists() -> None:
    child = found(user="root", only_in_environment=True)
    assert (child.account.uid, child.account.home, child.gid, child.groups) == (1, "/root", None, None)
    assert found(user="nobody-of-this-name", only_in_environment=True).account is None
