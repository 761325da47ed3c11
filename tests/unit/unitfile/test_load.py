"""Loading from directories: precedence, drop-ins, aliases, templates, masks, dependency links, load states."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from systemctl_replacement.unitfile.load import Unit, load
from systemctl_replacement.unitfile.loadpath import Index, dropin_names
from systemctl_replacement.unitfile.parsers.commands import ExecCommand
from systemctl_replacement.unitfile.parsers.conditions import Condition
from systemctl_replacement.unitfile.specifiers import Host
from systemctl_replacement.unitfile.values import INFINITY, ResourceLimit, StatusSet

SERVICE = "[Service]\nExecStart=/bin/true\n"


class Tree:
    """Unit directories `etc` and `lib` below a temporary root."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.directories = [str(root / "etc"), str(root / "lib")]
        for directory in self.directories:
            os.mkdir(directory)

    def write(self, path: str, text: str = SERVICE) -> None:
        file = self.root / path
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)

    def link(self, path: str, target: str) -> None:
        file = self.root / path
        file.parent.mkdir(exist_ok=True)
        file.symlink_to(target)

    def index(self) -> Index:
        return Index(self.directories)

    def load(self, name: str) -> Unit:
        return load(name, self.index(), Host(machine_id="0" * 32))


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


def test_precedence(tree: Tree) -> None:
    tree.write("lib/a.service", "[Unit]\nDescription=lib\n" + SERVICE)
    tree.write("etc/a.service", "[Unit]\nDescription=etc\n" + SERVICE)
    unit = tree.load("a.service")
    assert (unit.get("Unit", "Description"), unit.fragment_path) == ("etc", f"{tree.root}/etc/a.service")
    assert (unit.load_state, unit.load_error, unit.id, unit.names) == ("loaded", None, "a.service", ("a.service",))


def test_dropins_and_their_order(tree: Tree) -> None:
    tree.write("lib/foo-bar@.service", SERVICE + "Environment=A=0 B=0\n")
    order = ["service", "foo-@", "foo-@x", "foo-", "foo-bar@", "foo-bar@x"]
    for rank, name in enumerate(order):
        directory = name if name == "service" else f"{name}.service"
        tree.write(f"lib/{directory}.d/same.conf", f"[Unit]\nDescription={rank}\n")
        tree.write(f"lib/{directory}.d/{rank}.conf", f"[Service]\nEnvironment=A={rank}\n")
    tree.write("etc/foo-.service.d/same.conf", "[Unit]\nDescription=etc\n")
    unit = tree.load("foo-bar@x.service")
    # Of files with the same name the most specific one in the first directory counts. They apply in order of name.
    assert unit.get("Unit", "Description") == "etc"
    assert [os.path.basename(path) for path in unit.dropin_paths] == [f"{rank}.conf" for rank in range(6)] + [
        "same.conf"
    ]
    assert unit.get("Service", "Environment") == ("A=5", "B=0")
    assert dropin_names("foo-bar@x.service") == [
        "foo-bar@x.service", "foo-bar@.service", "foo-.service", "foo-@x.service", "foo-@.service",
    ]  # fmt: skip


def test_lists_and_resets(tree: Tree) -> None:
    tree.write(
        "etc/a.service",
        "[Unit]\nAfter=b.service\nAfter=\nConditionPathExists=/x\nConditionPathExists=\nConditionHost=|!h\n"
        "[Service]\nExecStart=/bin/a\nExecStart=\nExecStart=-@/bin/b c d ; :+/bin/e\nType=oneshot\n"
        "Environment=A=1 B=2\nEnvironment=A=3\nEnvironmentFile=-/x\nLimitNOFILE=5:infinity\nSuccessExitStatus=1\n"
        "SuccessExitStatus=SIGKILL\nRuntimeDirectory=a b:c\nTimeoutSec=0\nKillSignal=SIGINT\nUMask=077\n",
    )
    unit = tree.load("a.service")
    assert "b.service" in unit.dependencies["After"]
    assert unit.get("Unit", "Conditions") == (Condition("Host", True, True, "h"),)
    assert unit.get("Service", "ExecStart") == (
        ExecCommand("/bin/b", ("c", "d"), ignore_failure=True),
        ExecCommand("/bin/e", ("/bin/e",), no_environment=True, privileged="+"),
    )
    assert unit.get("Service", "Environment") == ("A=3", "B=2")
    assert unit.get("Service", "EnvironmentFile") == ((True, "/x"),)
    assert unit.get("Service", "LimitNOFILE") == ResourceLimit(5, INFINITY)
    assert unit.get("Service", "SuccessExitStatus") == StatusSet(frozenset((1,)), frozenset((9,)))
    assert unit.get("Service", "RuntimeDirectory") == (("a",), ("b", "c"))
    assert unit.get("Service", "TimeoutStartSec") == unit.get("Service", "TimeoutStopSec") == INFINITY
    assert unit.get("Service", "RestartKillSignal") == 2
    assert unit.get("Service", "UMask") == 0o077
    assert unit.get("Service", "Restart") == "no"
    assert unit.get("Service", "RestartSec") is None
    assert unit.problems == ()


def test_derived_settings(tree: Tree) -> None:
    tree.write("etc/oneshot.service", "[Service]\nType=oneshot\nExecStart=/bin/true\n")
    tree.write("etc/stop.service", "[Service]\nExecStop=/bin/true\nRemainAfterExit=yes\n")
    tree.write("etc/notify.service", "[Service]\nType=notify\nExecStart=/bin/true\n")
    tree.write("etc/bus.service", "[Service]\nBusName=a.b\nExecStart=/bin/true\n")
    tree.write("etc/tty.service", "[Service]\nStandardInput=tty\nExecStart=/bin/true\n")
    assert tree.load("oneshot.service").get("Service", "TimeoutStartSec") == INFINITY
    assert tree.load("stop.service").get("Service", "Type") == "oneshot"
    assert tree.load("notify.service").get("Service", "NotifyAccess") == "main"
    assert tree.load("bus.service").get("Service", "Type") == "dbus"
    assert tree.load("tty.service").get("Service", "StandardOutput") == "inherit"


def test_old_names(tree: Tree) -> None:
    tree.write("etc/a.service", SERVICE + "StartLimitInterval=5\nStartLimitBurst=3\n[Unit]\nBindTo=b.service\n")
    unit = tree.load("a.service")
    assert unit.get("Unit", "StartLimitIntervalSec") == 5_000_000
    assert unit.get("Unit", "StartLimitBurst") == 3
    assert unit.dependencies["BindsTo"] == ("b.service",)


def test_aliases(tree: Tree) -> None:
    tree.write("lib/real.service")
    tree.link("etc/alias.service", str(tree.root / "lib/real.service"))
    tree.link("etc/second.service", "alias.service")
    tree.write("lib/alias.service.d/x.conf", "[Unit]\nDescription=by alias\n")
    for name in ("real.service", "alias.service", "second.service"):
        unit = tree.load(name)
        assert (unit.id, unit.names) == ("real.service", ("real.service", "alias.service", "second.service"))
        assert unit.get("Unit", "Description") == "by alias"


def test_links_that_do_not_fit(tree: Tree) -> None:
    tree.write("lib/real.service")
    tree.write("lib/t@.service")
    tree.link("etc/loop1.service", "loop2.service")
    tree.link("etc/loop2.service", "loop1.service")
    tree.link("etc/self.service", "self.service")
    tree.link("etc/other.socket", "../lib/real.service")
    tree.link("etc/plain.service", "../lib/t@.service")
    tree.link("etc/dangling.service", "/nonexistent/dangling.service")
    for name in ("loop1.service", "loop2.service", "self.service", "other.socket", "plain.service", "dangling.service"):
        unit = tree.load(name)
        assert unit.load_state == "not-found", name
        assert unit.load_error == ("org.freedesktop.systemd1.NoSuchUnit", f"Unit {name} not found.")
    assert [str(problem) for problem in tree.index().problems] == [
        'other.socket: symlink target "real.service" has incompatible suffix, rejecting.',
        'plain.service: symlink target name type "t@.service" does not match source, rejecting.',
    ]


def test_linked_unit_keeps_its_name(tree: Tree) -> None:
    tree.write("elsewhere/b.service")
    tree.link("etc/a.service", str(tree.root / "elsewhere/b.service"))
    assert (tree.load("a.service").id, tree.load("a.service").load_state) == ("a.service", "loaded")


def test_library_directory_reached_by_another_path(tree: Tree) -> None:
    tree.write("lib/real.service")
    tree.link("usr", ".")
    tree.link("etc/alias.service", str(tree.root / "usr/lib/real.service"))
    assert tree.load("alias.service").id == "real.service"


def test_templates(tree: Tree) -> None:
    tree.write("lib/t@.service", "[Unit]\nDescription=%i of %p\nAfter=u@.service\n" + SERVICE)
    tree.write("lib/t@special.service", "[Unit]\nDescription=special\n" + SERVICE)
    tree.link("etc/alias@.service", "../lib/t@.service")
    tree.link("etc/inst@1.service", "../lib/t@.service")
    unit = tree.load("t@x.service")
    assert unit.get("Unit", "Description") == "x of t"
    assert "u@x.service" in unit.dependencies["After"]
    assert set(unit.names) == {"t@x.service", "alias@x.service"}
    assert tree.load("t@special.service").get("Unit", "Description") == "special"
    assert tree.load("alias@y.service").id == "t@y.service"
    assert set(tree.load("inst@1.service").names) == {"t@1.service", "inst@1.service", "alias@1.service"}
    assert "system-t.slice" in unit.dependencies["Requires"]


def test_links_of_instances(tree: Tree) -> None:
    tree.write("lib/t@.service")
    tree.write("lib/u@.service")
    tree.write("lib/real.service")
    tree.link("etc/u@1.service", "t@1.service")  # there is no such file, but its template
    tree.link("etc/u@2.service", "real.service")
    for name in ("t@1.service", "u@1.service"):
        assert tree.load(name).names == ("t@1.service", "u@1.service")
    # A link that may not be followed counts as none.
    assert (tree.load("u@2.service").id, tree.load("u@2.service").load_state) == ("u@2.service", "loaded")


def test_masks(tree: Tree) -> None:
    tree.write("lib/a.service")
    tree.link("etc/a.service", "/dev/null")
    tree.write("etc/b.service", "")
    for name in ("a.service", "b.service"):
        unit = tree.load(name)
        assert unit.load_state == "masked"
        assert unit.load_error == ("org.freedesktop.systemd1.UnitMasked", f"Unit {name} is masked.")
        assert unit.fragment_path == f"{tree.root}/etc/{name}"


def test_dependency_links(tree: Tree) -> None:
    tree.write("lib/a.target", "[Unit]\nDescription=x\nWants=c.service\n")
    tree.link("etc/a.target.wants/b.service", "/lib/systemd/system/b.service")
    tree.link("lib/a.target.wants/b.service", "../b.service")
    tree.link("lib/a.target.requires/r.service", "../r.service")
    tree.link("lib/a.target.upholds/u.service", "../u.service")
    tree.link("lib/a.target.wants/g@.service", "../g@.service")
    tree.link("lib/a.target.wants/nonsense", "../nonsense")
    tree.link("lib/a.target.wants/self.service", "self.service")
    unit = tree.load("a.target")
    assert unit.dependencies["Wants"] == ("c.service", "b.service", "g@a.service", "self.service")
    assert unit.dependencies["Requires"] == ("r.service",)
    assert unit.dependencies["Upholds"] == ("u.service",)
    assert ["nonsense" in str(problem) for problem in unit.problems] == [True]


def test_errors_in_the_fragment(tree: Tree) -> None:
    tree.write("etc/fatal.service", SERVICE + "User=a/b\nUser=good\n")
    tree.write("etc/header.service", SERVICE + "[Broken\nUser=x\n")
    tree.write("etc/pid.service", SERVICE + "PIDFile=../x\n")
    tree.write("etc/none.service", "[Service]\n")
    fatal = tree.load("fatal.service")
    assert fatal.load_error == (
        "org.freedesktop.systemd1.BadUnitSetting",
        "Unit fatal.service has a bad unit file setting.",
    )
    assert [str(problem) for problem in fatal.problems] == [
        f"{tree.root}/etc/fatal.service:3: Invalid user/group name or numeric ID: a/b",
        "fatal.service: Unit configuration has fatal error, unit will not be started.",
    ]
    header = tree.load("header.service")
    assert header.load_error is not None
    assert (header.load_state, header.load_error[0]) == (
        "error",
        "org.freedesktop.DBus.Error.InconsistentMessage",
    )
    pid = tree.load("pid.service")
    assert pid.load_error is not None
    assert (pid.load_state, pid.load_error[0]) == ("error", "org.freedesktop.DBus.Error.InvalidArgs")
    assert tree.load("none.service").load_state == "bad-setting"


def test_errors_in_a_dropin_spare_the_unit(tree: Tree) -> None:
    tree.write("etc/a.service")
    tree.write("etc/a.service.d/1.conf", "[Service]\nUser=a/b\nNice=5\n")
    tree.write("etc/a.service.d/2.conf", "[Broken\nNice=5\n")
    tree.write("etc/a.service.d/3.conf", "[Unit]\nDescription=read\n")
    unit = tree.load("a.service")
    assert (unit.load_state, unit.get("Unit", "Description"), unit.get("Service", "Nice")) == ("loaded", "read", None)
    assert len(unit.problems) == 2


def test_odd_files(tree: Tree) -> None:
    os.mkdir(tree.root / "etc/directory.service")
    os.mkfifo(tree.root / "etc/fifo.service")
    tree.link("etc/tofifo.service", str(tree.root / "etc/fifo.service"))
    for name in ("directory.service", "fifo.service"):
        assert tree.load(name).load_state == "not-found"
    # Must not block on the other end of the FIFO.
    assert tree.load("tofifo.service").load_state in ("not-found", "bad-setting")


@contextmanager
def as_nobody() -> Iterator[None]:
    """Run without root's privilege to read everything."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)


def test_unreadable_file(tree: Tree) -> None:
    tree.write("etc/a.service")
    (tree.root / "etc/a.service").chmod(0)
    tree.root.chmod(0o755)
    with as_nobody():
        unit = tree.load("a.service")
    assert unit.load_state == "not-found"
    assert "Permission denied" in str(unit.problems[0])


def test_units_without_files(tree: Tree) -> None:
    assert tree.load("-.slice").load_state == "loaded"
    assert tree.load("foo-bar.slice").dependencies["Requires"] == ("foo.slice",)
    assert tree.load("dev-sda.device").load_state == "loaded"
    assert tree.load("-.mount").load_state == "loaded"
    assert tree.load("init.scope").dependencies["After"] == ("-.slice",)
    assert tree.load("a.scope").load_state == "not-found"
    assert tree.load("a--b.slice").load_state == "error"


def test_stamps_name_every_file(tree: Tree) -> None:
    tree.write("etc/a.service")
    tree.write("etc/a.service.d/1.conf", "[Unit]\nDescription=x\n")
    unit = tree.load("a.service")
    assert [path for path, _ in unit.stamps] == [f"{tree.root}/etc/a.service", f"{tree.root}/etc/a.service.d/1.conf"]
    assert all(stamp == os.stat(path).st_mtime_ns for path, stamp in unit.stamps)


def test_links_stay_below_the_root(tmp_path: Path) -> None:
    library, etc = tmp_path / "lib/systemd/system", tmp_path / "etc/systemd/system"
    library.mkdir(parents=True)
    etc.mkdir(parents=True)
    (library / "real.service").write_text(SERVICE)
    (etc / "alias.service").symlink_to("/lib/systemd/system/real.service")
    unit = load("alias.service", Index([str(etc), str(library)], str(tmp_path)), Host())
    assert (unit.id, unit.load_state) == ("real.service", "loaded")
