"""The installer: refusals with a fake interpreter, and what it leaves in a real image."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from systemctl_replacement.image import install, interpreter, vendor
from systemctl_replacement.image.command import main
from systemctl_replacement.image.errors import ImageError
from tests.box import rootfs
from tests.box.harness import Box

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="entering an image needs root")


def fake_python(directory: Path, answer: str, status: int = 0) -> str:
    path = directory / "python3"
    path.write_text(f"#!/bin/sh\necho '{answer}'; echo complaint >&2; exit {status}\n", encoding="utf-8")
    path.chmod(0o755)
    return str(path)


def test_interpreter_that_is_too_old(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"is Python 3\.8: 3\.9 or later is needed"):
        interpreter.find("", fake_python(tmp_path, "[[3, 8], []]"))


def test_interpreter_without_all_modules(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="lacks ctypes, json: install the complete python3"):
        interpreter.find("", fake_python(tmp_path, '[[3, 11], ["ctypes", "json"]]'))


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


def test_missing_directory_is_an_error_on_the_command_line(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["install", f"--root={tmp_path}/nowhere"])
    assert result.exit_code == 1
    assert result.output == f"Error: no directory {tmp_path}/nowhere\n"


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
    ours, theirs, link = tmp_path / "ours", tmp_path / "theirs", tmp_path / "link"
    ours.write_text(install._LAUNCHER_TEXT, encoding="utf-8")
    theirs.write_bytes(b"\x7fELF\xff")
    link.symlink_to(ours)
    assert [install._is_ours(path) for path in (ours, theirs, link)] == [True, False, False]


@needs_root
def test_what_is_in_an_image() -> None:
    layer = rootfs.with_ours(rootfs.layers())[0]
    home = Path(f"{layer}{install.HOME}")
    launcher = Path(f"{layer}{install.LAUNCHER}")
    assert launcher.read_text(encoding="utf-8").startswith("#!/usr/bin/python3 -ISXutf8\n")
    assert launcher.stat().st_mode & 0o7777 == 0o755
    assert {"click", "jeepney", "psutil", "systemctl_replacement", "units", "licences"} == set(os.listdir(home))
    assert all(os.listdir(home / "licences" / name) for name in ("click", "jeepney", "psutil"))
    assert (home / "units/default.target").is_symlink()
    assert not (home / "psutil/tests").exists() and not (home / "jeepney/tests").exists()
    sources = [path for path in home.rglob("*.py") if "psutil" not in path.parts]
    compiled = {path.name.split(".")[0] for path in home.rglob("*.pyc")}
    assert {path.stem for path in sources} <= compiled
    # unchecked-hash: bit 0 set (by hash), bit 1 clear (not checked against the source)
    first = next((home / "systemctl_replacement/__pycache__").glob("paths.*.pyc"))
    assert first.read_bytes()[4:8] == b"\1\0\0\0"
    assert f"{install.HOME}/systemctl_replacement/paths.py".encode() in first.read_bytes()
    assert b"Where everything is" not in first.read_bytes()  # its docstring
    # the image keeps only these
    files = [path for path in layer.rglob("*") if path.is_file() or path.is_symlink()]
    assert {str(path.relative_to(layer)).split("/", 3)[2] for path in files} == {
        "systemctl-replacement",
        "systemctl",
        "journalctl",
        "systemd-cat",
        "init",
        "dbus-1",
    }


@needs_root
def test_installing_inside_of_an_image_twice_and_keeping_the_original() -> None:
    with Box(init=["/bin/sleep", "infinity"]) as box:
        module = f"PYTHONPATH={install.HOME} python3 -m systemctl_replacement.image.command install"
        first = box.run(module, check=True)
        assert "/usr/bin/systemctl: written\n" in first.stdout
        assert "original" not in first.stdout
        for name in (install.LAUNCHER, install.JOURNALCTL, install.SYSTEMD_CAT):
            box.write(name, "#!/bin/sh\necho original\n")
        second = box.run(f"{module} --keep-original", check=True)
        for name in (install.LAUNCHER, install.JOURNALCTL):
            assert f"the image's own is now {name}{install.KEPT}" in second.stdout
            assert box.run(name + install.KEPT).stdout == "original\n"
            assert "__main__" in box.read(name)
        assert box.run("systemd-cat").stdout == "original\n"  # which an image keeps
        assert box.run("journalctl --version").stdout == box.run("systemctl --version").stdout
        assert box.list_directory("/usr/lib/systemctl-replacement") == [
            "click",
            "jeepney",
            "licences",
            "psutil",
            "systemctl_replacement",
            "units",
        ]


@needs_root
def test_links_do_not_lead_out_of_an_image(tmp_path: Path) -> None:
    outside, root = tmp_path / "outside", tmp_path / "root"
    (outside / "lib").mkdir(parents=True)
    root.mkdir()
    (root / "usr").symlink_to(outside)
    with pytest.raises(ImageError, match="leads out of"):
        install._refuse_links_out_of(str(root), root / "usr/lib")


@needs_root
def test_scripts_of_packages_find_an_init() -> None:
    with Box(packages=["nginx", "redis-server"]) as box:
        box.wait_booted()
        main_pid = "systemctl show -P MainPID redis-server"
        before = box.run(main_pid).stdout
        result = box.run("rm /usr/sbin/policy-rc.d; invoke-rc.d redis-server restart", check=True)
        assert result.stderr == ""
        assert box.run(main_pid).stdout not in (before, "0\n")


def test_an_image_keeps_the_init_it_has(tmp_path: Path) -> None:
    said: list[str] = []
    install._link_init(str(tmp_path), said.append)
    assert os.readlink(tmp_path / "sbin/init") == "/usr/bin/systemctl"
    (tmp_path / "sbin/init").unlink()
    (tmp_path / "sbin/init").symlink_to("/lib/systemd/systemd")
    install._link_init(str(tmp_path), said.append)
    assert os.readlink(tmp_path / "sbin/init") == "/lib/systemd/systemd"
    assert said == ["/sbin/init: now leads to /usr/bin/systemctl"]


def test_a_planted_link_is_not_written_through(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("kept")
    programs = tmp_path / "root/usr/bin"
    programs.mkdir(parents=True)
    (programs / ".systemctl.new").symlink_to(victim)
    found = interpreter.Interpreter("", sys.executable, (3, 11))
    install._write_launcher(str(tmp_path / "root"), install.LAUNCHER, found, False, lambda line: None)
    assert victim.read_text() == "kept"
    assert (programs / "systemctl").read_text().startswith(f"#!{sys.executable}")
