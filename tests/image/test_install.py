"""The installer: refusals with a fake interpreter, and what it leaves in a real image."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from systemctl_replacement import __version__
from systemctl_replacement.image import interpreter, launchers, names, survey, vendor
from systemctl_replacement.image.command import main
from systemctl_replacement.image.errors import ImageError
from systemctl_replacement.image.root import Root
from systemctl_replacement.image.state import State, Taken
from tests.box import rootfs
from tests.box.harness import Box
from tests.image import roots

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="entering an image needs root")


def fake_python(directory: Path, answer: str, status: int = 0) -> str:
    path = directory / "python3"
    path.write_text(f"#!/bin/sh\necho '{answer}'; echo complaint >&2; exit {status}\n", encoding="utf-8")
    path.chmod(0o755)
    return str(path)


def test_interpreter_that_is_too_old(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"is Python 3\.8: 3\.9 or later is needed"):
        interpreter.find("", fake_python(tmp_path, "3 8"))


def test_interpreter_without_all_modules(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="lacks ctypes, json: install the complete python3"):
        interpreter.find("", fake_python(tmp_path, "3 11 ctypes json"))


def test_interpreter_that_does_not_run(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"cannot run .*: complaint"):
        interpreter.find("", fake_python(tmp_path, "", status=1))
    with pytest.raises(ImageError, match="cannot run /nowhere/python3"):
        interpreter.find("", "/nowhere/python3")


def test_image_without_python(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="install python3 in the image"):
        interpreter.find(str(tmp_path))


def test_the_running_interpreter_is_good_enough() -> None:
    found = interpreter.find("", sys.executable)
    assert found.version == sys.version_info[:2]


@pytest.mark.parametrize("command", ["install", "uninstall", "check"])
def test_missing_directory_is_an_error_on_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    assert main([command, f"--root={tmp_path}/nowhere"]) == 1
    assert capsys.readouterr().err == f"Error: no directory {tmp_path}/nowhere\n"


def test_where_nothing_is_installed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["uninstall", f"--root={tmp_path}"]) == 1
    assert "nothing is installed there" in capsys.readouterr().err
    assert main(["check", f"--root={tmp_path}"]) == 1
    assert capsys.readouterr().out == f"{names.STATE} is not there: nothing is installed in {tmp_path}\n"


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["version"]) == 0
    assert capsys.readouterr().out == f"systemctl-replacement {__version__}\n"


def test_an_image_that_has_our_package_is_left_to_dpkg(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = roots.merged(tmp_path)
    (tmp_path / "var/lib/dpkg/info/systemctl-replacement.list").touch()
    for command, advice in (("install", "apt-get install --reinstall"), ("uninstall", "apt-get remove")):
        assert main([command, f"--root={root.directory}"]) == 1
        assert f"`{advice} systemctl-replacement`" in capsys.readouterr().err


def test_units_of_a_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """pip turns symbolic links into copies. The installer turns them into links again."""
    package, target, prefix = tmp_path / "site/systemctl_replacement/image", tmp_path / "target", tmp_path / "prefix"
    units = prefix / vendor.UNITS_OF_A_WHEEL
    for directory in (package, target, units):
        directory.mkdir(parents=True)
    for name in ("multi-user.target", "graphical.target", "default.target"):
        (units / name).write_text("[Unit]\n", encoding="utf-8")
    monkeypatch.setattr(vendor, "__file__", str(package / "vendor.py"))
    vendor.copy_units(target, str(prefix))
    assert (target / "units/graphical.target").read_text(encoding="utf-8") == "[Unit]\n"
    assert os.readlink(target / "units/default.target") == "graphical.target"
    with pytest.raises(ImageError, match="no unit files to ship"):
        vendor.copy_units(target, str(tmp_path))


def test_links_of_the_shipped_units_are_known() -> None:
    units = rootfs.REPOSITORY / "units"
    assert {path.name: os.readlink(path) for path in units.iterdir() if path.is_symlink()} == vendor.UNIT_LINKS


def test_only_a_file_of_ours_is_taken_for_ours(tmp_path: Path) -> None:
    (tmp_path / "ours").write_text(launchers.text(names.LAUNCHER, "/usr/bin/python3"), encoding="utf-8")
    (tmp_path / "theirs").write_bytes(b"\x7fELF\xff")
    (tmp_path / "link").symlink_to("/ours")
    (tmp_path / "directory").mkdir()
    os.mkfifo(tmp_path / "fifo")
    found = {
        name: survey.what_is(Root(str(tmp_path)), Taken(f"/{name}"), State())
        for name in ("ours", "theirs", "link", "directory", "fifo", "nothing")
    }
    assert found.pop("ours") == survey.OURS and found.pop("nothing") == survey.ABSENT
    assert set(found.values()) == {survey.FOREIGN}


@needs_root
def test_what_is_in_an_image() -> None:
    layer = rootfs.with_ours(rootfs.layers())[0]
    home = Path(f"{layer}{names.HOME}")
    launcher = Path(f"{layer}{names.LAUNCHER}")
    assert launcher.read_text(encoding="utf-8").startswith("#!/usr/bin/python3 -ISXutf8\n")
    assert launcher.stat().st_mode & 0o7777 == 0o755
    assert {"installed.json", "jeepney", "systemctl_replacement", "units", "licences"} == set(os.listdir(home))
    assert os.listdir(home / "licences/jeepney") and not (home / "jeepney/io").exists()
    assert (home / "units/default.target").is_symlink()
    compiled = {path.name.split(".")[0] for path in home.rglob("*.pyc")}
    assert {path.stem for path in home.rglob("*.py")} <= compiled
    # unchecked-hash: bit 0 set (by hash), bit 1 clear (not checked against the source)
    first = next((home / "systemctl_replacement/__pycache__").glob("paths.*.pyc"))
    assert first.read_bytes()[4:8] == b"\1\0\0\0"
    assert f"{names.HOME}/systemctl_replacement/paths.py".encode() in first.read_bytes()
    assert b"Where everything is" not in first.read_bytes()  # its docstring
    # Whoever uses the image cannot change what PID 1 runs, and the same sources make the same layer.
    for path in [home, *home.rglob("*")]:
        status = path.lstat()
        assert path.is_symlink() or status.st_mode & 0o7777 == (0o755 if path.is_dir() else 0o644), path
        assert (status.st_uid, status.st_gid, status.st_mtime) == (0, 0, 0), path
    # the image keeps only these
    files = [path for path in layer.rglob("*") if (path.is_file() or path.is_symlink()) and home not in path.parents]
    assert {str(path.relative_to(layer)) for path in files} == {
        *(name.path[1:] for name in names.NAMES),
        "var/lib/dpkg/diversions",
        "var/lib/dpkg/diversions-old",
    }


def ours_from(directory: str, words: str) -> str:
    """The command that runs a copy of our tree, as from a virtual environment."""
    code = f"import sys; sys.path.insert(0, {directory!r}); from systemctl_replacement.image.command import run; run()"
    return f'python3 -ISc "{code}" {words}'


@needs_root
def test_a_whole_life_inside_of_an_image() -> None:
    with Box(init=["/bin/sleep", "infinity"]) as box:
        box.run(f"cp -a {names.HOME} /srv/copy", check=True)
        places = "usr/bin usr/sbin usr/lib/systemd usr/share/dbus-1"
        everything = f"cd / && find {places} -ls; md5sum var/lib/dpkg/diversions"
        assert box.run("systemctl-replacement uninstall", check=True).stdout.endswith(f"remove {names.HOME}\n")
        for name in ("systemctl", "journalctl", "systemctl-replacement", "systemd-cat", "init"):
            assert not box.run(f"command -v {name}").stdout
        assert not box.exists(names.HOME) and "systemctl" not in box.read("/var/lib/dpkg/diversions")
        before = box.run(everything).stdout
        planned = box.run(ours_from("/srv/copy", "install --dry-run"), check=True).stdout
        assert box.run(everything).stdout == before
        done = box.run(ours_from("/srv/copy", "install"), check=True).stdout
        assert set(planned.splitlines()) - set(done.splitlines()) == {f"put our files into {names.HOME}"}
        checked = box.run("systemctl-replacement check", check=True).stdout
        assert f"{names.HOME}: version {__version__}\n/usr/bin/python3: Python 3." in checked
        assert "runs as user 0 with cap_chown " in checked
        assert "/usr/sbin/init: leads to /lib/systemd/systemd\n" in checked
        assert box.run("journalctl --version").stdout == box.run("systemctl --version").stdout
        assert box.run("/lib/systemd/systemd --version").stdout == box.run("systemctl --version").stdout
        refused = box.run("/lib/systemd/systemd --system")
        assert (refused.returncode, refused.stderr) == (1, "Can't run system mode unless PID 1.\n")
        assert box.run("readlink -f /sbin/init").stdout == "/usr/lib/systemd/systemd\n"


@needs_root
def test_what_is_not_in_place_is_found_and_mended() -> None:
    with Box(init=["/bin/sleep", "infinity"]) as box:
        damage = (
            ("rm /usr/bin/journalctl", "/usr/bin/journalctl is missing"),
            ("echo x >/usr/bin/systemctl", "/usr/bin/systemctl is not ours any more"),
            ("ln -sf elsewhere /usr/sbin/init", "/usr/sbin/init is not ours any more"),
            ("dpkg-divert --quiet --local --remove --no-rename /bin/systemctl", "/bin/systemctl is not diverted"),
            (f"rm -r {names.HOME}/systemctl_replacement/__pycache__", "is not compiled for Python 3."),
        )
        for command, _ in damage:
            box.run(command, check=True)
        result = box.run("systemctl-replacement check")
        assert result.returncode == 1
        for _, problem in damage:
            assert f"problem: {problem}" in result.stdout or problem in result.stdout, problem
        box.run("systemctl-replacement install", check=True)
        assert box.run("systemctl-replacement check", check=True).stdout.count("problem") == 0


@needs_root
@pytest.mark.parametrize("init", ["/sbin/init", "/usr/lib/systemd/systemd"])
def test_every_name_of_an_init_boots(init: str) -> None:
    with Box(packages=["dbus", "systemd", "systemd-sysv"], init=[init]) as box:
        assert box.wait_booted() in ("running", "degraded")
        assert box.run("systemctl is-active multi-user.target").stdout == "active\n"
        assert box.read("/proc/1/comm") == "systemd\n"


@needs_root
def test_scripts_of_packages_find_an_init() -> None:
    with Box(packages=["nginx", "redis-server"]) as box:
        box.wait_booted()
        main_pid = "systemctl show -P MainPID redis-server"
        before = box.run(main_pid).stdout
        result = box.run("rm /usr/sbin/policy-rc.d; invoke-rc.d redis-server restart", check=True)
        assert result.stderr == ""
        assert box.run(main_pid).stdout not in (before, "0\n")
