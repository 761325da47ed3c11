"""Images that are not as they should be: links, owners and databases that somebody has prepared or damaged."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from systemctl_replacement.image import check, diversions, install, interpreter, names, state, tree
from systemctl_replacement.image.command import main
from systemctl_replacement.image.diversions import Diversion
from systemctl_replacement.image.errors import ImageError
from systemctl_replacement.image.interpreter import Interpreter
from systemctl_replacement.paths import BUS_POLICY
from tests.image import roots

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
SOMEBODY = 1000


def script(path: Path, text: str) -> str:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize("target", ["{outside}", "../../../../outside", "elsewhere"])
def test_our_directory_as_a_link_is_refused(tmp_path: Path, target: str) -> None:
    root, outside = roots.merged(tmp_path / "root"), tmp_path / "outside"
    (outside / "units").mkdir(parents=True)
    (tmp_path / "root/usr/lib/systemctl-replacement").symlink_to(target.format(outside=outside))
    before = roots.everything(tmp_path)
    with pytest.raises(ImageError, match="is a link: remove it first"):
        roots.install(root)
    assert main(["uninstall", f"--root={root.directory}"]) == 1
    assert roots.everything(tmp_path) == before


def test_what_is_planted_beside_our_directory_is_no_obstacle(tmp_path: Path) -> None:
    root, victim = roots.merged(tmp_path / "root"), tmp_path / "victim"
    victim.mkdir()
    (victim / "file").touch()
    for what in names.BESIDE:
        (tmp_path / "root" / names.beside(names.HOME, what)[1:]).symlink_to(victim)
        (tmp_path / "root" / names.beside(names.LAUNCHER, what)[1:]).mkdir()
    before = roots.everything(victim)
    roots.install(root)
    roots.uninstall(root)
    assert roots.everything(victim) == before
    assert not list((tmp_path / "root").rglob(".*"))


def test_the_new_database_is_written_to_a_file_of_its_own(tmp_path: Path) -> None:
    root, victim = roots.merged(tmp_path / "root"), tmp_path / "victim"
    victim.write_text("kept")
    os.link(victim, tmp_path / "root/var/lib/dpkg/diversions-new")
    diversions.write(root, [])
    os.mkfifo(tmp_path / "root/var/lib/dpkg/diversions-new")
    diversions.write(root, [])
    assert victim.read_text() == "kept" and diversions.read(root) == []


def test_a_database_that_is_no_file_is_refused(tmp_path: Path) -> None:
    root = roots.merged(tmp_path)
    database = tmp_path / "var/lib/dpkg/diversions"
    database.rename(database.with_name("elsewhere"))
    database.symlink_to("elsewhere")
    with pytest.raises(ImageError, match=r"diversions in .* is not a regular file"):
        roots.install(root)
    assert database.read_text() == "/bin/sh\n/bin/sh.distrib\ndash\n"


def test_names_with_any_character_but_the_end_of_a_line(tmp_path: Path) -> None:
    root = roots.merged(tmp_path)
    made = [Diversion(f"/a{char}b", "/c", ":") for char in "\r\f\v\x1c\x85\u2028\u2029"]
    diversions.write(root, made)
    assert diversions.read(root) == made


def test_lists_of_packages_that_are_no_files(tmp_path: Path) -> None:
    root = roots.merged(tmp_path, packages="/bin/systemctl\n")
    os.mkfifo(tmp_path / "var/lib/dpkg/info/fifo.list")
    (tmp_path / "var/lib/dpkg/info/link.list").symlink_to("/dev/zero")
    assert diversions.names_in_packages(root, ["/bin/systemctl"]) == {"/bin/systemctl"}


@pytest.mark.parametrize("path", ["python3", "./python3", "/opt/my python/bin/python3", "/opt/python3\n", "/\tpython3"])
def test_an_interpreter_that_no_script_can_name(path: str) -> None:
    with pytest.raises(ImageError, match="no script can name it"):
        interpreter.find("", path)


def test_an_interpreter_whose_name_is_too_long() -> None:
    with pytest.raises(ImageError, match="too long"):
        interpreter.find("", f"/{'x' * 120}/python3")


@pytest.mark.parametrize("answer", ["true", "echo nonsense", "echo 3", "echo 3 11; echo 3 11", "echo '3 11 a;b'"])
def test_a_program_that_is_no_interpreter(tmp_path: Path, answer: str) -> None:
    with pytest.raises(ImageError, match="does not answer as Python does"):
        interpreter.find("", script(tmp_path / "python3", answer))


def test_asking_an_interpreter_leaves_nothing_behind() -> None:
    ran = Interpreter("", sys.executable, (3, 9)).run(["-c", "import sys; print(sys.dont_write_bytecode)"])
    assert ran.stdout == "True\n"


@pytest.mark.parametrize("command", ["install", "uninstall", "check"])
def test_an_empty_name_of_an_image_is_not_the_running_system(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([command, "--root="])
    assert "the name of the directory is empty" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["usr/sbin/init", "usr/sbin/halt"])
def test_a_link_that_somebody_else_has_made_stays(tmp_path: Path, name: str) -> None:
    root = roots.merged(tmp_path, dpkg=False)
    (tmp_path / name).symlink_to("/usr/bin/systemctl")
    before = roots.everything(tmp_path)
    roots.install(root)
    roots.uninstall(root)
    assert roots.everything(tmp_path) == before


def test_what_was_put_aside_comes_back_though_nobody_remembers_it(tmp_path: Path) -> None:
    root = roots.merged(tmp_path, dpkg=False)
    (tmp_path / "usr/bin/systemctl").write_text("real")
    before = roots.everything(tmp_path)
    roots.install(root)
    (tmp_path / names.STATE[1:]).unlink()
    roots.install(root)
    roots.uninstall(root)
    assert (tmp_path / "usr/bin/systemctl").read_text() == "real"
    assert before.items() <= roots.everything(tmp_path).items()


def test_somebody_elses_diversion_of_the_same_names_is_not_ended(tmp_path: Path) -> None:
    root = roots.merged(tmp_path)
    theirs = [*diversions.read(root), Diversion("/usr/bin/systemctl", "/usr/bin/systemctl.distrib")]
    diversions.write(root, theirs)
    roots.install(root)
    assert len(diversions.read(root)) > len(theirs)
    roots.uninstall(root)
    assert diversions.read(root) == theirs


@needs_root
def test_a_launcher_of_somebody_is_mended(tmp_path: Path) -> None:
    root = roots.merged(tmp_path)
    roots.install(root)
    for change in (lambda path: os.chown(path, SOMEBODY, SOMEBODY), lambda path: path.chmod(0o777)):
        change(tmp_path / names.LAUNCHER[1:])
        said: list[str] = []
        check.report(root, said.append)
        assert any(line.startswith(f"problem: {names.LAUNCHER} is not as it was installed") for line in said)
        roots.install(root)
        status = (tmp_path / names.LAUNCHER[1:]).stat()
        assert (status.st_uid, status.st_mode & 0o7777) == (0, 0o755)


@needs_root
@pytest.mark.parametrize("in_place", [True, False])
def test_nobody_else_can_change_what_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_place: bool) -> None:
    """As after `COPY --chown`, with a tree of ours or an interpreter there already."""
    root = roots.merged(tmp_path)
    home = tmp_path / names.HOME[1:]
    for name in ("python/bin/python3", "replaced/usr/bin/theirs", "units/a.service"):
        (home / name).parent.mkdir(parents=True)
        (home / name).touch()
    for path in [home, *home.rglob("*")]:
        os.chown(path, SOMEBODY, SOMEBODY)
        path.chmod(0o777)
    monkeypatch.setattr(interpreter, "find", lambda *_: Interpreter(root.directory, roots.PYTHON, (3, 11)))
    monkeypatch.setattr(tree, "compile_for", lambda *_: None)
    monkeypatch.setattr(install, "_runs_from", lambda _: in_place)
    install.install(root, install.Options(), lambda _: None)
    assert (home / "replaced/usr/bin/theirs").stat().st_uid == SOMEBODY
    theirs = [
        path
        for path in [home, *home.rglob("*")]
        if not path.is_symlink() and (path.stat().st_uid or path.stat().st_mode & 0o022)
    ]
    assert {path.relative_to(home).parts[0] for path in theirs} == {"replaced"}


def test_an_interrupted_installation_is_a_problem(tmp_path: Path) -> None:
    root = roots.merged(tmp_path)
    roots.install(root)
    known = state.read(root)
    assert known is not None and known.complete
    (tmp_path / names.STATE[1:]).write_text(state.render(known).replace('"complete": true', '"complete": false'))
    (tmp_path / "usr/share/dbus-1/system.d").joinpath(os.path.basename(BUS_POLICY)).write_text("")
    said: list[str] = []
    assert check.report(root, said.append) == 1
    assert any("its end, was interrupted" in line for line in said)
    assert any(f"{BUS_POLICY} is not as it was installed" in line for line in said)
    roots.install(root)
    said.clear()
    check.report(root, said.append)
    assert not [line for line in said if "its end, was interrupted" in line or "is not as" in line]


def test_privileges_without_proc(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object) -> None:
        raise FileNotFoundError

    monkeypatch.setattr("builtins.open", missing)
    assert "there is no /proc" in check._privileges()


def test_links_do_not_matter_to_protecting_a_tree(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.touch()
    victim.chmod(0o666)
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree/link").symlink_to(victim)
    tree.protect(str(tmp_path / "tree"))
    assert victim.stat().st_mode & 0o7777 == 0o666
