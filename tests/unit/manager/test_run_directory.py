"""/run where others may write to it: what PID 1 makes of it, and what it believes there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from systemctl_replacement import paths
from systemctl_replacement.manager import pid1
from systemctl_replacement.manager.engine import run_directory
from systemctl_replacement.manager.generators import directories
from systemctl_replacement.paths import Paths, is_open


@pytest.fixture
def run(tmp_path: Path) -> Path:
    made = tmp_path / "run"
    (made / "host").mkdir(parents=True, mode=0o755)
    (made / "systemd").mkdir()
    return made


@pytest.mark.parametrize(("mode", "opened"), [(0o755, False), (0o775, False), (0o777, True), (0o1777, True)])
def test_who_may_write_to_a_directory(run: Path, mode: int, opened: bool) -> None:
    run.chmod(mode)
    assert is_open(str(run)) == opened


@pytest.mark.skipif(os.geteuid() != 0, reason="gives files away")
def test_a_directory_of_others_is_open_and_so_is_what_is_none(run: Path) -> None:
    (run / "link").symlink_to("host")
    os.mkfifo(run / "fifo")
    os.chown(run / "systemd", 1, 1)
    os.chown(run / "host", 0, 1)
    names = {name: is_open(str(run / name)) for name in ("host", "systemd", "link", "fifo", "absent")}
    assert names == {"host": False, "systemd": True, "link": True, "fifo": True, "absent": False}
    (run / "host").chmod(0o775)  # for a group that is not root's
    assert is_open(str(run / "host"))


@pytest.mark.skipif(os.geteuid() != 0, reason="the mode is somebody else's affair")
@pytest.mark.parametrize(("mode", "closed"), [(0o777, 0o755), (0o1777, 0o755), (0o775, 0o775), (0o700, 0o700)])
def test_root_keeps_others_from_writing_to_run(run: Path, mode: int, closed: int) -> None:
    run.chmod(mode)
    run_directory.close(str(run))
    assert run.stat().st_mode & 0o7777 == closed


@pytest.mark.skipif(os.geteuid() != 0, reason="gives files away")
def test_configuration_that_somebody_else_has_made_is_set_aside(run: Path) -> None:
    evil = run / "systemd/system/evil.service"
    evil.parent.mkdir()
    evil.touch()
    (run / "credstore").symlink_to("/etc")
    (run / "environment.d").mkdir()
    (run / "environment.d").chmod(0o1770)
    os.chown(run / "environment.d", 0, 1)
    (run / "tmpfiles.d").mkdir(mode=0o755)  # root's own stays
    (run / "sysusers.d").mkdir()
    (run / "sysusers.d").chmod(0o777)  # and so it does if root was careless
    os.chown(run / "systemd", 1, 1)
    run.chmod(0o777)
    run_directory.close(str(run))
    assert sorted(path.name for path in run.iterdir() if not path.name.startswith("set-aside")) == [
        "environment.d", "host", "sysusers.d", "tmpfiles.d",
    ]  # fmt: skip
    assert (run / "environment.d").stat().st_mode & 0o7777 == 0o750
    assert (run / "sysusers.d").stat().st_mode & 0o777 == 0o755
    moved = {path.name: path for path in run.glob("set-aside.*/*")}
    assert sorted(moved) == ["credstore", "systemd"] and (moved["systemd"] / "system/evil.service").exists()
    assert moved["systemd"].parent.stat().st_mode & 0o777 == 0o700
    said = run_directory.warnings("", str(run))
    assert len(said) == 2 and all(any(str(path) in text for text in said) for path in moved.values())


@pytest.mark.skipif(os.geteuid() != 0, reason="the services of others are themselves")
def test_root_believes_no_directory_of_the_system_that_others_may_replace(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = str(run / "systemd")
    monkeypatch.setattr(paths, "SYSTEM_RUNTIME", system)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(run.parent))

    def is_trusted() -> bool:
        places = Paths()
        found = {
            paths.is_trusted(system),
            system in places.trusted_runtimes(),
            places.runtime == system,
            f"{system}/system" in places.unit_path(),
            f"{system}/system-generators" in directories.directories(""),
        }
        assert len(found) == 1, found
        return found.pop()

    assert is_trusted()
    for mode, trusted in ((0o777, False), (0o1777, True), (0o775, True)):
        run.chmod(mode)
        assert is_trusted() is trusted, oct(mode)
    os.chown(run, 1, 0)
    run.chmod(0o1777)  # whose owner may rename what is others'
    assert not is_trusted()
    os.chown(run, 0, 0)
    os.chown(system, 1, 0)
    assert not is_trusted()
    with monkeypatch.context() as patched:
        patched.setattr(os, "geteuid", lambda: 1)
        assert paths.is_trusted(system)
    monkeypatch.setattr(paths, "SYSTEM_RUNTIME", "/run/systemd")
    assert Paths(str(run.parent)).trusted_runtimes() == [system]  # of a tree of files


@pytest.mark.skipif(os.geteuid() != 0, reason="the mode is somebody else's affair")
def test_a_run_that_stays_open_is_told_of(run: Path) -> None:
    assert run_directory.warnings("", str(run)) == []
    run.chmod(0o1777)
    assert run_directory.warnings("", str(run)) == [
        f"Others than root may write to {run}. They can replace what the manager and services have there."
    ]
    assert run_directory.warnings("/elsewhere", str(run)) == []


def test_what_the_engine_says_is_a_small_file_of_its_own(run: Path) -> None:
    root, file = str(run.parent), run / "host/container-manager"
    assert run_directory.told_by_engine("container-manager", root) == ""
    file.write_text("lxc\nmore\n")
    assert run_directory.told_by_engine("container-manager", root) == "lxc"
    (run / "host").chmod(0o777)
    assert run_directory.told_by_engine("container-manager", root) == ""
    (run / "host").chmod(0o755)
    file.unlink()
    os.mkfifo(file)
    assert run_directory.told_by_engine("container-manager", root) == ""  # and nobody waits


@pytest.mark.skipif(os.geteuid() != 0, reason="the services of others are themselves")
def test_credentials_are_where_nobody_else_can_put_any(run: Path) -> None:
    def directory() -> str:
        return Paths(str(run.parent)).credentials_directory()

    assert directory() == f"{run}/credentials"
    run.chmod(0o777)
    assert directory() == f"{run}/systemd/credentials"
    run.chmod(0o755)
    (run / "elsewhere").mkdir()
    (run / "credentials").symlink_to("elsewhere")
    assert directory() == f"{run}/systemd/credentials"


def test_the_name_of_an_engine_may_be_any_bytes(run: Path) -> None:
    pid1.make_runtime_files(str(run / "systemd"), {"container": os.fsdecode(b"\xff")})
    assert (run / "systemd/container").read_bytes() == b"\xff\n"


def test_a_full_disk_does_not_keep_a_manager_from_starting(run: Path) -> None:
    (run / "systemd/container").symlink_to("/dev/full")
    pid1.make_runtime_files(str(run / "systemd"), {"container": "docker"})
    assert (run / "systemd/system").is_dir()
