"""What an installation does to an image, and that its end undoes it: on made-up images, without a tree."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from systemctl_replacement.image import check, diversions, names, state
from systemctl_replacement.image.apply import apply
from systemctl_replacement.image.errors import ImageError
from systemctl_replacement.image.root import Root
from systemctl_replacement.image.steps import Divert, MakeDirectory, Move, Write
from tests.image import roots

DEBIAN_12 = "/bin/systemctl\n/bin/journalctl\n/lib/systemd/systemd\n/sbin/init\n"
DEBIAN_13 = "/usr/bin/systemctl\n/usr/bin/journalctl\n/usr/lib/systemd/systemd\n/usr/sbin/init\n"


def with_systemd(root: Root, version: str = "real") -> None:
    """The files of systemd and systemd-sysv, with modes of their own."""
    for name, mode in (
        ("usr/bin/systemctl", 0o750),
        ("usr/bin/journalctl", 0o2755),
        ("usr/lib/systemd/systemd", 0o700),
    ):
        path = Path(root.directory, name)
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"{version} {name}")
        path.chmod(mode)
    Path(root.directory, "usr/sbin/init").symlink_to("/lib/systemd/systemd")
    Path(root.directory, "usr/sbin/halt").symlink_to("/bin/systemctl")


def launched(root: Root, path: str) -> bool:
    return Path(root.directory + path).read_text().startswith(f"#!{roots.PYTHON} -ISXutf8\n")


@pytest.mark.parametrize("make", [roots.merged, roots.unmerged])
@pytest.mark.parametrize("dpkg", [True, False])
def test_an_image_without_systemd(tmp_path: Path, make: Callable[..., Root], dpkg: bool) -> None:
    root = make(tmp_path, dpkg=dpkg)
    before = roots.everything(tmp_path)
    roots.install(root)
    assert launched(root, "/usr/bin/systemctl") and launched(root, "/usr/lib/systemd/systemd")
    if make is roots.unmerged:
        assert os.readlink(tmp_path / "bin/systemctl") == "/usr/bin/systemctl"
        assert os.readlink(tmp_path / "lib/systemd/systemd") == "/usr/lib/systemd/systemd"
    assert os.readlink(tmp_path / "sbin/init") == "/lib/systemd/systemd"
    assert os.readlink(tmp_path / "sbin/runlevel") == "/usr/bin/systemctl"
    assert (tmp_path / "usr/bin/systemd-cat").stat().st_mode & 0o7777 == 0o755
    roots.uninstall(root)
    assert roots.everything(tmp_path) == before


@pytest.mark.parametrize("packages", [DEBIAN_12, DEBIAN_13])
def test_files_of_a_package_are_diverted_and_come_back(tmp_path: Path, packages: str) -> None:
    root = roots.merged(tmp_path, packages=packages)
    with_systemd(root)
    before = roots.everything(tmp_path)
    roots.install(root)
    for name in packages.split():
        suffix = ".distrib" if name.startswith("/usr") else ".distrib.usr-is-merged"
        assert root.has(name + suffix)
    assert launched(root, "/usr/bin/systemctl") and launched(root, "/usr/lib/systemd/systemd")
    assert os.readlink(tmp_path / "usr/sbin/halt") == "/bin/systemctl"  # leads to us in any case
    database = (tmp_path / "var/lib/dpkg/diversions").read_text()
    assert "/bin/systemctl\n/bin/systemctl.distrib.usr-is-merged\n:\n" in database
    assert "/usr/bin/systemctl\n/usr/bin/systemctl.distrib\n:\n" in database
    assert database.startswith("/bin/sh\n/bin/sh.distrib\ndash\n")
    roots.uninstall(root)
    assert roots.everything(tmp_path) == before


def test_what_no_package_has_brought_is_kept_too(tmp_path: Path) -> None:
    root = roots.merged(tmp_path, dpkg=False)
    with_systemd(root, "copied by hand")
    before = roots.everything(tmp_path)
    roots.install(root)
    assert root.read(f"{names.REPLACED}/usr/bin/systemctl") == b"copied by hand usr/bin/systemctl"
    roots.uninstall(root)
    assert roots.everything(tmp_path) == before


def test_installing_again_changes_nothing(tmp_path: Path) -> None:
    root = roots.merged(tmp_path, packages=DEBIAN_12)
    with_systemd(root)
    roots.install(root)
    once = roots.everything(tmp_path)
    assert roots.steps(root) == []
    roots.install(root)
    assert roots.everything(tmp_path) == once


def test_a_package_that_replaces_ours_where_nothing_is_diverted(tmp_path: Path) -> None:
    """As with rpm: installing again mends it, and what comes back in the end is the newer one."""
    root = roots.merged(tmp_path, dpkg=False)
    with_systemd(root, "old")
    roots.install(root)
    ours = (tmp_path / "usr/bin/systemctl").read_text()
    (tmp_path / "usr/bin/systemctl").unlink()
    (tmp_path / "usr/bin/systemctl").write_text("new")
    roots.install(root)
    assert (tmp_path / "usr/bin/systemctl").read_text() == ours
    roots.uninstall(root)
    assert (tmp_path / "usr/bin/systemctl").read_text() == "new"
    assert (tmp_path / "usr/bin/journalctl").read_text() == "old usr/bin/journalctl"


def test_a_directory_of_a_package_that_went_goes_with_us(tmp_path: Path) -> None:
    """Not one that somebody has made, nor one that a package has now."""
    root = roots.merged(tmp_path, packages="/usr/share/dbus-1\n/usr/share/dbus-1/system.d\n")
    for name in ("usr/share/dbus-1/system.d", "usr/lib/systemd"):
        (tmp_path / name).mkdir(parents=True)
    roots.install(root)
    (tmp_path / "var/lib/dpkg/info/systemd.list").write_text("/.\n")
    roots.uninstall(root)
    assert not root.has("/usr/share/dbus-1") and root.has("/usr/share") and root.has("/usr/lib/systemd")
    roots.install(root)
    (tmp_path / "var/lib/dpkg/info/systemd.list").write_text("/.\n/usr/share/dbus-1\n")
    roots.uninstall(root)
    assert root.has("/usr/share/dbus-1") and not root.has("/usr/share/dbus-1/system.d")


def test_what_comes_and_goes_with_packages_is_no_problem(tmp_path: Path) -> None:
    root = roots.merged(tmp_path)
    roots.install(root)
    (tmp_path / "usr/sbin/halt").unlink()
    (tmp_path / "usr/sbin/halt").symlink_to("/bin/systemctl")
    (tmp_path / "usr/sbin/reboot").unlink()
    said: list[str] = []
    check.report(root, said.append)
    assert not [line for line in said if "halt" in line or "reboot" in line]
    (tmp_path / "usr/bin/systemd-cat").unlink()
    check.report(root, said.append)
    assert "problem: /usr/bin/systemd-cat is missing: run `systemctl-replacement install` again" in said


def test_what_somebody_puts_over_ours_stays_at_the_end(tmp_path: Path) -> None:
    root = roots.merged(tmp_path)
    roots.install(root)
    (tmp_path / "usr/bin/journalctl").unlink()
    (tmp_path / "usr/bin/journalctl").write_text("somebody's")
    (tmp_path / "usr/sbin/init").unlink()
    roots.uninstall(root)
    assert (tmp_path / "usr/bin/journalctl").read_text() == "somebody's"
    assert not root.has("/usr/bin/systemctl") and not root.has("/usr/sbin/init")


def test_a_part_that_is_left_out_later_is_given_back(tmp_path: Path) -> None:
    root = roots.merged(tmp_path, packages=DEBIAN_12)
    with_systemd(root)
    before = roots.everything(tmp_path)
    roots.install(root)
    roots.install(root, init_link=False, companions=False)
    assert root.read("/usr/lib/systemd/systemd") == b"real usr/lib/systemd/systemd"
    assert root.read("/usr/bin/journalctl") == b"real usr/bin/journalctl"
    assert "init" not in (tmp_path / "var/lib/dpkg/diversions").read_text()
    assert launched(root, "/usr/bin/systemctl") and not root.has("/usr/bin/systemd-cat")
    roots.uninstall(root)
    assert roots.everything(tmp_path) == before


def test_launchers_that_nobody_remembers_are_ours(tmp_path: Path) -> None:
    root = roots.merged(tmp_path)
    roots.install(root)
    (tmp_path / "usr/lib/systemctl-replacement/installed.json").unlink()
    roots.install(root, init_link=False)
    assert not any(isinstance(step, Move) for step in roots.steps(root, init_link=False))
    roots.uninstall(root)
    assert not root.has("/usr/bin/systemctl") and not root.has("/usr/bin/journalctl")


def test_the_images_own_systemd_cat_stays(tmp_path: Path) -> None:
    root = roots.merged(tmp_path)
    (tmp_path / "usr/bin/systemd-cat").write_text("theirs")
    roots.install(root)
    assert (tmp_path / "usr/bin/systemd-cat").read_text() == "theirs"
    assert "systemd-cat" not in (tmp_path / "var/lib/dpkg/diversions").read_text()


@pytest.mark.parametrize(
    "line",
    [
        "/usr/bin/systemctl\n/usr/bin/systemctl.other\nsomebody\n",
        "/usr/bin/other\n/usr/bin/systemctl.distrib\n:\n",
        "/usr/bin/other\n/usr/bin/systemctl\n:\n",
    ],
)
def test_diversions_of_somebody_else(tmp_path: Path, line: str) -> None:
    root = roots.merged(tmp_path)
    (tmp_path / "var/lib/dpkg/diversions").write_text(line)
    with pytest.raises(ImageError, match=r"is diverted to .* end that first"):
        roots.steps(root)


def test_our_packages_own_diversions_are_left_to_it(tmp_path: Path) -> None:
    root = roots.merged(tmp_path)
    made = [
        diversions.Diversion(*pair, "systemctl-replacement")
        for name in names.NAMES
        for pair in (names.diversions(name.path) if name.diverted else ())
    ]
    diversions.write(root, made)
    assert not any(isinstance(step, Divert) for step in roots.steps(root))
    roots.install(root)
    roots.uninstall(root)
    assert diversions.read(root) == made


@pytest.mark.parametrize("systemd", [True, False])
def test_a_failure_at_any_step_leaves_the_image_as_it_was(tmp_path: Path, systemd: bool) -> None:
    root = roots.merged(tmp_path, packages=DEBIAN_12)
    if systemd:
        with_systemd(root)
    before = roots.everything(tmp_path)
    plan = roots.steps(root)
    for done in range(len(plan) + 1):
        with pytest.raises(FileNotFoundError):
            apply(root, [*plan[:done], Write("/nowhere/file", "")])
        assert roots.everything(tmp_path) == before, plan[done - 1]


def test_a_failure_while_mending_or_leaving_changes_nothing_either(tmp_path: Path) -> None:
    root = roots.merged(tmp_path, packages=DEBIAN_12)
    with_systemd(root)
    roots.install(root)
    (tmp_path / "usr/bin/systemctl").write_text("no launcher")
    (tmp_path / "usr/bin/journalctl").chmod(0o700)
    (tmp_path / "usr/sbin/init").unlink()
    before = roots.everything(tmp_path)
    for steps in (roots.steps(root), roots.steps(root, init_link=False, companions=False)):
        for done in range(len(steps) + 1):
            with pytest.raises(FileNotFoundError):
                apply(root, [*steps[:done], Write("/nowhere/file", "")])
            assert roots.everything(tmp_path) == before, steps[done - 1]


def test_an_interruption_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = roots.merged(tmp_path)
    before = roots.everything(tmp_path)
    plan = roots.steps(root)

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "symlink", interrupt)
    with pytest.raises(KeyboardInterrupt):
        apply(root, plan)
    assert roots.everything(tmp_path) == before


def test_absolute_links_lead_to_places_in_the_image(tmp_path: Path) -> None:
    image, outside = tmp_path / "image", tmp_path / "outside"
    root = roots.merged(image)
    outside.mkdir()
    for name in ("usr/bin", "usr/lib"):
        (image / name).rename(image / name.replace("/", "-"))
        (image / name).symlink_to(f"/{name.replace('/', '-')}")
    roots.install(root)
    assert (image / "usr-bin/systemctl").is_file()
    assert (image / "usr-lib/systemctl-replacement/installed.json").is_file()
    assert not list(outside.iterdir())


def test_links_do_not_lead_out_of_an_image(tmp_path: Path) -> None:
    image = tmp_path / "image"
    (image / "usr").mkdir(parents=True)
    (image / "usr/bin").symlink_to("../../../../outside")
    (image / "loop").symlink_to("loop")
    assert Root(str(image)).at("/usr/bin/x") == f"{image}/outside/x"
    with pytest.raises(OSError, match="Too many levels of symbolic links"):
        Root(str(image)).at("/loop/x")


def test_a_planted_link_is_not_written_through(tmp_path: Path) -> None:
    root = roots.merged(tmp_path / "root")
    victim = tmp_path / "victim"
    victim.write_text("kept")
    for what in ("new", "old"):
        (tmp_path / f"root/usr/bin/.systemctl.systemctl-replacement.{what}").symlink_to(victim)
    (tmp_path / "root/usr/bin/systemctl").symlink_to(victim)
    (tmp_path / "root/var/lib/dpkg/diversions-old").symlink_to(victim)
    roots.install(root)
    assert victim.read_text() == "kept" and victim.stat().st_mode & 0o7777 == 0o644
    assert launched(root, "/usr/bin/systemctl")
    roots.uninstall(root)
    assert os.readlink(tmp_path / "root/usr/bin/systemctl") == str(victim)


def test_a_damaged_state_is_said(tmp_path: Path) -> None:
    root = roots.merged(tmp_path)
    roots.install(root)
    (tmp_path / "usr/lib/systemctl-replacement/installed.json").write_text('{"version": 1}')
    with pytest.raises(ImageError, match=r"installed\.json is damaged"):
        state.read(root)


def test_a_plan_is_printed_as_it_will_be_done() -> None:
    steps = [MakeDirectory("/a"), Divert((("/x", "/x.distrib"),), (("/y", "/y.distrib"),)), Move("/x", "/x.distrib")]
    assert [str(step) for step in steps] == [
        "make the directory /a",
        "have dpkg divert /x to /x.distrib\nhave dpkg divert /y no longer",
        "move /x to /x.distrib",
    ]
