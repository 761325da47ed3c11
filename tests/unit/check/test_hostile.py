"""Images that somebody else has made: nothing in them blocks a check, leads it astray or is changed by it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from systemctl_replacement.check import programs
from systemctl_replacement.check.tree import ROOT, Tree
from tests.unit.check.images import ELF, TestImage


@pytest.fixture
def image(tmp_path: Path) -> TestImage:
    return TestImage(tmp_path)


def snapshot(root: Path) -> dict[str, tuple[int, int, int]]:
    found = {}
    for directory, names, files in os.walk(root):
        for name in (".", *names, *files):
            status = os.lstat(os.path.join(directory, name))
            found[os.path.join(directory, name)] = (status.st_ino, status.st_mode, status.st_mtime_ns)
    return found


def test_nothing_is_written(image: TestImage) -> None:
    image.service("ExecStart=/usr/bin/nowhere\nUser=nosuch")
    before = snapshot(image.root)
    assert image.findings()
    assert snapshot(image.root) == before


def test_no_link_leads_out_of_the_image(image: TestImage) -> None:
    outside = image.root.parent / f"{image.root.name}.outside"
    outside.write_bytes(ELF)
    outside.chmod(0o755)
    try:
        up = "../" * 20
        image.link(str(outside), "/usr/bin/absolute")
        image.link(f"{up}{outside}", "/usr/bin/relative")
        tree = Tree(str(image.root))
        missing = "No such file or directory"
        assert programs.fault(tree, "/usr/bin/absolute", ROOT) in ("", missing)  # "": below the image's own /tmp
        inside = image.path(f"/opt/{outside.name}")
        image.link(f"/opt/{outside.name}", "/usr/bin/absolute")
        image.link(f"{up}opt/{outside.name}", "/usr/bin/relative")
        assert {programs.fault(tree, f"/usr/bin/{name}", ROOT) for name in ("absolute", "relative")} == {missing}
        inside.write_bytes(ELF)
        inside.chmod(0o755)
        assert {programs.fault(tree, f"/usr/bin/{name}", ROOT) for name in ("absolute", "relative")} == {""}
    finally:
        outside.unlink()


def test_units_without_an_end(monkeypatch: pytest.MonkeyPatch, image: TestImage) -> None:
    monkeypatch.setattr("systemctl_replacement.check.image.MOST_UNITS", 100)
    text = "[Unit]\nWants=t@%ia.service t@%ib.service\n[Service]\nExecStart=/usr/bin/true\n"
    image.unit("t@.service", text, "")
    image.link("../t@.service", "/etc/systemd/system/multi-user.target.wants/t@x.service")
    report = image.check()
    assert [(finding.code, finding.unit) for finding in report.findings] == [("boot", "default.target")]
    assert report.starts == ()


def test_links_in_a_circle(image: TestImage) -> None:
    image.service("ExecStart=/usr/bin/x")
    image.link("/usr/bin/y", "/usr/bin/x")
    image.link("/usr/bin/x", "/usr/bin/y")
    image.link("../wants", "/etc/systemd/system/basic.target.wants/wants")
    image.link("b.service", "/etc/systemd/system/c.service")
    image.link("c.service", "/etc/systemd/system/b.service")
    image.link("../b.service", "/etc/systemd/system/multi-user.target.wants/b.service")
    assert [finding.text for finding in image.findings() if finding.code == "program"] == [
        "Command /usr/bin/x is not executable: Too many levels of symbolic links"
    ]


@pytest.mark.parametrize(
    "path",
    [
        "/etc/systemd/system/a.service",
        "/etc/systemd/system/a.service.d/x.conf",
        "/etc/passwd",
        "/etc/nsswitch.conf",
        "/etc/debian_version",
        "/etc/systemd/system.conf",
        "/usr/bin/x",
        "/etc/init.d/x",
        "/usr/lib/systemd/system-generators/x",
    ],
)
def test_nothing_blocks(image: TestImage, path: str) -> None:
    image.service("ExecStart=/usr/bin/x\nUser=web")
    image.path(path).unlink(missing_ok=True)
    if path == "/etc/debian_version":  # tells apart what /lib leads to
        image.path("/lib").rename(image.path("/usr/lib"))
        image.link("usr/lib", "/lib")
    os.mkfifo(image.path(path), 0o755)
    assert image.check().profile == "docker"


def test_accounts_that_are_none(image: TestImage) -> None:
    image.write("/etc/passwd", f"a:x:\u00b2:1::\nb:x:{'9' * 5000}:1::\nc:x\n\n:::\nweb:x:33:33::/:\n")
    image.service("User=web")
    assert image.found() == []
    image.service("User=b")
    assert image.found() == [("account", "a.service")]


def test_programs_that_are_no_files(image: TestImage) -> None:
    os.mkfifo(image.path("/usr/bin/x"), 0o755)
    assert programs.fault(Tree(str(image.root)), "/usr/bin/x", ROOT) == "File descriptor in bad state"


@pytest.mark.parametrize("path", ["/etc/systemd/system/a.service", "/etc/passwd", "/usr/bin/x"])
def test_huge_files(image: TestImage, path: str) -> None:
    image.service("ExecStart=/usr/bin/x\nUser=web")
    image.path(path).touch(0o755)
    os.truncate(image.path(path), 1 << 40)
    assert image.check().profile == "docker"


@pytest.mark.parametrize(
    "header",
    [
        b"\x7fELF",
        b"\x7fELF\x02\x01" + b"\xff" * 58,
        b"\x7fELF\x01\x02" + b"\xff" * 58,
        b"\x7fELF\x02\x01" + bytes(26) + (64).to_bytes(8, "little") + bytes(14) + b"\x38\x00\xff\xff" + b"\x03" * 99,
    ],
)
def test_elf_files_that_are_broken(image: TestImage, header: bytes) -> None:
    image.program("/usr/bin/x", header)
    programs.fault(Tree(str(image.root)), "/usr/bin/x", ROOT)


def test_a_loader_that_is_missing(image: TestImage) -> None:
    entry = (3).to_bytes(4, "little") + bytes(4) + (120).to_bytes(8, "little") + bytes(16) + (12).to_bytes(8, "little")
    start = b"\x7fELF\x02\x01" + bytes(26) + (64).to_bytes(8, "little") + bytes(14) + b"\x38\x00\x01\x00" + bytes(6)
    image.program("/usr/bin/x", start + entry.ljust(56, b"\0") + b"/lib/ld-x.so\0")
    tree = Tree(str(image.root))
    reason = "No such file or directory"
    assert programs.fault(tree, "/usr/bin/x", ROOT) == f"Its loader /lib/ld-x.so: {reason}"
    image.program("/lib/ld-x.so")
    assert programs.fault(tree, "/usr/bin/x", ROOT) == ""


def test_file_systems_without_programs(monkeypatch: pytest.MonkeyPatch, image: TestImage) -> None:
    class NoExec:
        f_flag = os.ST_NOEXEC

    monkeypatch.setattr(os, "statvfs", lambda path: NoExec)
    assert programs.fault(Tree(), "/bin/sh", ROOT) == "The file system is mounted noexec"
    assert programs.fault(Tree(str(image.root)), "/bin/sh", ROOT) == ""  # it will be mounted otherwise


def test_this_systems_own_programs() -> None:
    assert programs.fault(Tree(), "/bin/sh", ROOT) == ""
    assert programs.fault(Tree(), "sh", ROOT) == ""
