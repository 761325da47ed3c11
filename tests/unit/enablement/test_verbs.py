"""The verbs as commands, where the real systemctl cannot be asked: with a manager, SysV scripts, --full."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from systemctl_replacement.cli import option_table, streams, unit_files_sysv, verbs
from systemctl_replacement.cli.invocation import CommandError, Invocation
from systemctl_replacement.paths import Paths

UNITS = {
    "a.service": "[Install]\nWantedBy=multi-user.target\n",
    "static.service": "[Service]\nExecStart=/bin/true\n",
    "multi-user.target": "[Unit]\n",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    units = tmp_path / "usr/lib/systemd/system"
    units.mkdir(parents=True)
    for name, text in UNITS.items():
        (units / name).write_text(text)
    return tmp_path


class Manager:
    """A manager that only remembers what it was asked."""

    may_change = True

    def __init__(self) -> None:
        self.calls: list[str] = []

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        self.calls.append(method)
        return {}


class OnlineInvocation(Invocation):
    """A system that happens to be below a directory, with a running manager."""

    def __init__(self, options: option_table.Options, root: Path, manager: Manager | None) -> None:
        super().__init__(options, Paths(str(root)))
        self.running = manager

    def manager(self, *, wait: bool = True) -> Any:
        return self.running


def run(root: Path, *words: str, manager: Manager | None = None) -> tuple[int, OnlineInvocation]:
    options, operands = option_table.parse(["systemctl", *words], str, str)
    invocation = OnlineInvocation(options, root, manager)
    try:
        return verbs.run(operands[0], operands[1:], options, invocation), invocation
    finally:
        streams.finish()


@pytest.fixture
def manager(monkeypatch: pytest.MonkeyPatch) -> Manager:
    running = Manager()
    monkeypatch.setattr("systemctl_replacement.cli.unit_files._manager", lambda options, invocation: invocation.running)
    return running


def test_a_manager_is_asked_to_reload(root: Path, manager: Manager) -> None:
    run(root, "enable", "a", manager=manager)
    assert manager.calls == ["Reload"]
    run(root, "--no-reload", "disable", "a", manager=manager)
    assert manager.calls == ["Reload"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("enable x", "Failed to enable unit: Unit file x.service does not exist."),
        ("preset x", "Failed to preset unit: Unit file x.service does not exist."),
        ("set-default x", "Failed to set default target: Unit file x.target does not exist."),
        ("add-wants x a", "Failed to add dependency: Unit file x.target does not exist."),
        ("set-default a.service", "Failed to set default target: Invalid argument"),
    ],
)
def test_online_wording(root: Path, manager: Manager, words: str, message: str) -> None:
    with pytest.raises(CommandError) as caught:
        run(root, *words.split(), manager=manager)
    assert caught.value.text == message
    assert manager.calls == []


def test_mask_online(root: Path, manager: Manager, capfd: pytest.CaptureFixture[str]) -> None:
    run(root, "mask", "x", manager=manager)
    assert capfd.readouterr().err.splitlines()[0] == "Unit x.service does not exist, proceeding anyway."
    (root / "etc/systemd/system/y.service").write_text("[Unit]\n")
    with pytest.raises(CommandError) as caught:
        run(root, "mask", "y", manager=manager)
    assert caught.value.text == f"Failed to mask unit: File {root}/etc/systemd/system/y.service already exists."


@pytest.mark.parametrize(("verb", "then"), [("enable", "start"), ("disable", "stop"), ("mask", "stop")])
def test_now(root: Path, verb: str, then: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, list[str]]] = []

    def follow(verb: str, names: list[str], options: object, invocation: object) -> int:
        asked.append((verb, names))
        return 0

    monkeypatch.setattr("systemctl_replacement.cli.unit_files.verbs", SimpleNamespace(run=follow))
    run(root, verb, "--now", "a")
    assert asked == [(then, ["a.service"])]


def test_now_is_not_reached_by_a_failure(root: Path) -> None:
    with pytest.raises(CommandError):
        run(root, "enable", "--now", "x")


def test_full_shows_the_links(root: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run(root, "enable", "a")
    capfd.readouterr()
    assert run(root, "is-enabled", "-l", "a", "static", manager=Manager())[0] == 0
    link = f"{root}/etc/systemd/system/multi-user.target.wants/a.service"
    assert capfd.readouterr().out == f"enabled\n  {link}\nstatic\n"
    assert os.path.islink(link)


def test_ascii_for_the_c_locale(root: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("LC_ALL", "C")
    run(root, "enable", "a")
    run(root, "enable", "static")
    error = capfd.readouterr().err
    assert " -> /usr/lib/systemd/system/a.service." in error
    assert "\n* A unit may be statically enabled" in error
    assert error.isascii()


@pytest.fixture
def helper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A systemd-sysv-install that writes down its arguments, and fails if there is a file `fail`."""
    monkeypatch.delenv("SYSTEMCTL_SKIP_SYSV", raising=False)
    log = tmp_path / "helper.log"
    script = tmp_path / "systemd-sysv-install"
    script.write_text(f'#!/bin/sh\necho "$@" >>{log}\ntest ! -e {tmp_path}/fail\n')
    script.chmod(0o755)
    monkeypatch.setattr(unit_files_sysv, "_HELPERS", (str(script),))
    return log


def test_init_scripts_are_kept_in_step(root: Path, helper: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (root / "etc/init.d").mkdir(parents=True)
    for name in ("a", "old"):
        (root / "etc/init.d" / name).write_text("#!/bin/sh\n")
    run(root, "enable", "a", "old")
    assert helper.read_text() == f"--root={root} enable a\n--root={root} enable old\n"
    error = capfd.readouterr().err
    assert "Synchronizing state of a.service with SysV service script with " in error
    assert "old.service is not a native service, redirecting to systemd-sysv-install.\n" in error
    assert (root / "etc/systemd/system/multi-user.target.wants/a.service").is_symlink()
    helper.unlink()
    assert run(root, "is-enabled", "old", "a")[0] == 0
    assert helper.read_text() == f"--root={root} is-enabled old\n"


@pytest.mark.usefixtures("helper")
def test_an_init_script_is_enabled_or_disabled_in_one_word(root: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (root / "etc/init.d").mkdir(parents=True)
    (root / "etc/init.d/old").write_text("#!/bin/sh\n")
    assert (run(root, "is-enabled", "old")[0], capfd.readouterr().out) == (0, "enabled\n")
    (root / "fail").touch()
    assert (run(root, "is-enabled", "old")[0], capfd.readouterr().out) == (1, "disabled\n")


def test_a_failing_helper_ends_it_silently(root: Path, helper: Path) -> None:
    (root / "etc/init.d").mkdir(parents=True)
    (root / "etc/init.d/a").write_text("#!/bin/sh\n")
    (root / "fail").touch()
    with pytest.raises(CommandError) as caught:
        run(root, "enable", "a")
    assert caught.value.text == ""
    assert not (root / "etc/systemd/system").exists()


def test_skip_sysv(root: Path, helper: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / "etc/init.d").mkdir(parents=True)
    (root / "etc/init.d/a").write_text("#!/bin/sh\n")
    monkeypatch.setenv("SYSTEMCTL_SKIP_SYSV", "1")
    run(root, "enable", "a")
    assert not helper.exists()
