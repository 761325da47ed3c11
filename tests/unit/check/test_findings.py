"""Each kind of finding: there where it should be, and not where it should not."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from systemctl_replacement.check.finding import ERROR, SEVERITIES, WARNING
from systemctl_replacement.manager import own_user
from systemctl_replacement.paths import BUS_POLICY
from tests.unit.check.images import ELF, TestImage

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs files of others")

Make = Callable[[TestImage], None]


@pytest.fixture
def image(tmp_path: Path) -> TestImage:
    return TestImage(tmp_path)


def service(settings: str = "", head: str = "", name: str = "a.service") -> Make:
    return lambda image: image.service(settings, head, name)


def unit(name: str, text: str, wanted_by: str = "multi-user.target") -> Make:
    return lambda image: image.unit(name, text, wanted_by)


def program(path: str, content: bytes = ELF, mode: int = 0o755) -> Make:
    return lambda image: image.program(path, content, mode)


def link(target: str, path: str) -> Make:
    return lambda image: image.link(target, path)


def write(path: str, text: str = "", mode: int = 0o644) -> Make:
    return lambda image: image.write(path, text, mode)


SOCKET = "[Socket]\nListenStream={}\n"
SERVICE = "[Service]\nExecStart=/usr/bin/true\n"

PRESENT: list[tuple[str, str, list[Make]]] = [
    ("boot", "default.target", [link("/dev/null", "/etc/systemd/system/default.target")]),
    ("boot", "default.target", [link("nowhere.target", "/etc/systemd/system/default.target")]),
    ("missing-requirement", "a.service", [service(head="Requires=b.service")]),
    ("missing-requirement", "a.service", [
        service(head="BindsTo=b.service"), link("/dev/null", "/etc/systemd/system/b.service")]),
    ("missing-requirement", "b.service", [
        service(head="Requires=b.service"), unit("b.service", "[Unit]\nRequisite=c.service\n" + SERVICE, "")]),
    ("requirement", "c.service", [
        service(head="After=b.service"), service(head="After=a.service", name="b.service"),
        service(head="Requires=a.service b.service", name="c.service")]),
    ("requirement", "d.service", [  # along a chain
        service(head="Requires=b.service\nAfter=b.service", name="d.service"),
        service(head="Requires=c.service\nAfter=c.service", name="b.service"),
        service("Type=exec\nExecStart=/usr/bin/nowhere", name="c.service")]),
    ("requirement", "a.service", [
        service(head="Requires=b.service\nAfter=b.service"),
        service("Type=exec\nExecStart=/usr/bin/nowhere", name="b.service")]),
    ("bad-setting", "a.service", [unit("a.service", "[Service]\nType=simple\n")]),
    ("bad-setting", "a.service", [service("ExecStart=a/b")]),
    ("cycle", "b.service", [
        service(head="After=b.service"), service(head="After=a.service\nWants=a.service", name="b.service")]),
    ("conflict", "b.service", [service(head="Conflicts=b.service"), service(name="b.service")]),
    ("assert", "a.service", [service(head="AssertPathExists=/etc/nowhere")]),
    ("program", "a.service", [service("ExecStart=/usr/bin/nowhere")]),
    ("program", "a.service", [service("ExecStart=nowhere")]),
    ("program", "a.service", [service("ExecStartPre=/usr/bin/nowhere")]),
    ("program", "a.service", [service("ExecStartPost=/usr/bin/nowhere")]),
    ("program", "a.service", [service("ExecStart=/usr/bin/x"), program("/usr/bin/x", mode=0o644)]),
    ("program", "a.service", [service("ExecStart=/usr/bin")]),
    ("program", "a.service", [service("ExecStart=/usr/bin/x"), program("/usr/bin/x", b"#!/usr/bin/nopython\n")]),
    ("program", "a.service", [service("ExecStart=/usr/bin/x"), program("/usr/bin/x", b"#!/bin/sh\r\n")]),
    ("program", "a.service", [service("ExecStart=/usr/bin/x"), program("/usr/bin/x", b"#!/usr/bin/env nopython\n")]),
    ("program", "a.service", [service("ExecStart=/usr/bin/x"), program("/usr/bin/x", b"#! /usr/bin/x\n")]),
    ("program", "a.service", [service("ExecStart=/usr/bin/x"), program("/usr/bin/x", b"echo\n")]),
    ("program", "a.service", [service("ExecStart=/usr/bin/x"), program("/usr/bin/x", b"")]),
    ("program", "a.service", [service("ExecStart=/usr/bin/x"), link("/bin/nowhere", "/usr/bin/x")]),
    ("program", "a.service", [service("User=web\nExecStart=/usr/bin/x"), program("/usr/bin/x", mode=0o700)]),
    ("program", "a.service", [
        service("DynamicUser=yes\nExecStart=/root/x"), program("/root/x"),
        lambda image: image.path("/root").chmod(0o700)]),
    ("account", "a.service", [service("User=nosuch")]),
    ("account", "a.service", [service("User=4711")]),
    ("account", "a.service", [service("Group=nosuch")]),
    ("account", "a.service", [service("SupplementaryGroups=log nosuch")]),
    ("account", "a.socket", [unit("a.socket", SOCKET.format("/run/x") + "SocketUser=nosuch\n", "sockets.target")]),
    ("account", "a.socket", [unit("a.socket", SOCKET.format("/run/x") + "SocketGroup=nosuch\n", "sockets.target")]),
    ("program", "a.socket", [
        unit("a.socket", SOCKET.format("80") + "ExecStartPre=/usr/bin/nowhere\n", "sockets.target")]),
    ("other-program", "a.socket", [
        unit("a.socket", SOCKET.format("80") + "ExecStopPre=/usr/bin/nowhere\n", "sockets.target")]),
    ("program", "a@.service", [
        unit("a.socket", SOCKET.format("80") + "Accept=yes\n", "sockets.target"),
        unit("a@.service", "[Service]\nExecStart=/usr/bin/nowhere\n", "")]),
    ("trigger", "a.socket", [
        unit("a.socket", SOCKET.format("80") + "Accept=yes\n", "sockets.target"),
        unit("a@.service", "[Service]\n", "")]),
    ("trigger", "a.timer", [unit("a.timer", "[Timer]\nOnCalendar=daily\n")]),
    ("trigger", "a.socket", [unit("a.socket", SOCKET.format("80"), "sockets.target")]),
    ("trigger", "a.socket", [unit("a.socket", SOCKET.format("80") + "Accept=yes\n", "sockets.target")]),
    ("configuration", "", [service(), link("a.service", "/etc/systemd/system/b.timer")]),
    ("address", "b.socket", [
        *(unit(f"{name}.socket", SOCKET.format("/run/x"), "sockets.target") for name in "ab"),
        *(unit(f"{name}.service", SERVICE, "") for name in "ab")]),
    ("setting", "a.service", [service("Foo=bar")]),
    ("setting", "a.service", [service("RuntimeMaxSec=5\nType=oneshot")]),
    ("mode", "a.service", [service(), lambda image: image.path("/etc/systemd/system/a.service").chmod(0o666)]),
    ("mode", "a.service", [service(), write("/etc/systemd/system/a.service.d/b.conf", "[Unit]\n", 0o755)]),
    ("link", "b.service", [link("/nowhere/b.service", "/etc/systemd/system/multi-user.target.wants/b.service")]),
    ("link", "mult-user.target", [write("/lib/systemd/system/a.service", SERVICE),
        link("/lib/systemd/system/a.service", "/etc/systemd/system/mult-user.target.wants/a.service")]),
    ("link", "ngnix.service", [write("/etc/systemd/system/ngnix.service.d/a.conf", "[Unit]\n")]),
    ("not-applied", "a.service", [service("PrivateTmp=yes")]),
    ("not-permitted", "a.service", [service("Nice=-5")]),
    ("not-permitted", "a.service", [service("OOMScoreAdjust=-900")]),
    ("not-permitted", "a.service", [service("CPUSchedulingPolicy=fifo")]),
    ("not-permitted", "a.service", [service("AmbientCapabilities=CAP_SYS_ADMIN")]),
    ("other-program", "a.service", [service("ExecStop=/usr/bin/nowhere")]),
    ("other-program", "a.service", [service("ExecReload=/usr/bin/nowhere")]),
    ("other-account", "a.service", [service("User=nosuch"), write("/etc/nsswitch.conf", "passwd: files ldap\n")]),
    ("file", "a.service", [service("EnvironmentFile=/etc/nowhere")]),
    ("file", "a.service", [service("WorkingDirectory=/srv/nowhere")]),
    ("file", "a.service", [service("StandardOutput=file:/srv/nowhere/log")]),
    ("file", "a.service", [service("StandardError=append:/srv/nowhere/log")]),
    ("file", "a.service", [service("StandardInput=file:/etc/nowhere")]),
    ("bus", "dbus.service", [service(name="dbus.service")]),
    ("bus", "dbus.service", [
        unit("dbus.socket", SOCKET.format("/run/bus"), "sockets.target"), unit("dbus.service", SERVICE, "")]),
    ("fstab", "", [write("/etc/fstab", "/dev/sda1 /data ext4 defaults 0 2\n")]),
    ("fstab", "", [write("/etc/fstab", "/dev/sda2 none swap sw\n")]),
    ("generator", "", [program("/usr/lib/systemd/system-generators/mine", b"#!/bin/sh\n")]),
    ("init-script", "a.service", [program("/etc/init.d/a", b"#!/bin/sh\n"), link("../init.d/a", "/etc/rc2.d/S01a")]),
    ("configuration", "", [write("/etc/systemd/system.conf", "[Manager]\nFoo=bar\n")]),
    ("configuration", "", [write("/etc/systemctl-replacement/skip-in-container.conf", "a b c d\n")]),
]  # fmt: skip

ABSENT: list[tuple[str, list[Make]]] = [
    ("nothing", []),
    ("a plain service", [service()]),
    ("a requirement that is there", [service(head="Requires=b.service"), unit("b.service", SERVICE, "")]),
    ("something that is only wanted", [service(head="Wants=b.service")]),
    ("a requirement that init skips", [
        service(head="Requires=dev-hugepages.mount\nAfter=dev-hugepages.mount"),
        unit("dev-hugepages.mount", "[Mount]\nWhat=x\nWhere=/dev/hugepages\n", "")]),
    ("a unit that init skips", [service("ExecStart=/usr/bin/nowhere", name="systemd-udevd.service")]),
    ("a unit whose condition is not met", [
        service("ExecStart=/usr/bin/nowhere", "ConditionPathExists=/etc/nowhere")]),
    ("a unit that is not enabled", [unit("a.service", "[Service]\nExecStart=/usr/bin/nowhere\n", "")]),
    ("an enabled unit that is masked", [service(), link("/dev/null", "/etc/systemd/system/a.service")]),
    ("an order without a cycle", [service(head="After=b.service"), service(head="After=c.service", name="b.service")]),
    ("an assertion that holds", [service(head="AssertPathExists=/etc/passwd")]),
    ("an assertion that only the container can tell", [service(head="AssertPathExists=/run/nowhere")]),
    ("what fstab does not have mounted", [
        write("/etc/fstab", "# none\n/dev/sda1 / ext4\n/dev/sda2 /data ext4 ro,noauto 0 0\nproc /proc proc\n")]),
    ("a program that may be missing", [service("ExecStart=/usr/bin/true\nExecStartPre=-/usr/bin/nowhere")]),
    ("a program by name", [service("ExecStart=true")]),
    ("a program in a directory of its own", [service("ExecSearchPath=/opt/x\nExecStart=x"), program("/opt/x/x")]),
    ("a program below another root", [
        service("RootDirectory=/srv/root\nExecStart=/x"), program("/srv/root/x")]),
    ("a program of the container", [service("ExecStart=/run/x")]),
    ("a script", [service("ExecStart=/usr/bin/x"), program("/usr/bin/x", b"#!/bin/sh\n")]),
    ("a script of a script", [
        service("ExecStart=/usr/bin/x"), program("/usr/bin/x", b"#!/usr/bin/y -a\n"),
        program("/usr/bin/y", b"#! /bin/sh\n")]),
    ("a script of env", [service("ExecStart=/usr/bin/x"), program("/usr/bin/x", b"#!/usr/bin/env -S true -x\n")]),
    ("an absolute link", [service("ExecStart=/usr/bin/x"), link("/bin/sh", "/usr/bin/x")]),
    ("a program that root runs for a user", [
        service("User=web\nExecStart=+/usr/bin/x"), program("/usr/bin/x", mode=0o700)]),
    ("users that are there", [service("User=web\nGroup=log\nSupplementaryGroups=log web")]),
    ("owners of sockets that are there", [
        unit("a.socket", SOCKET.format("80") + "SocketUser=web\nSocketGroup=log\n", "sockets.target"),
        unit("a.service", SERVICE, "")]),
    ("instances for connections", [
        unit("a.socket", SOCKET.format("80") + "Accept=yes\n", "sockets.target"), unit("a@.service", SERVICE, "")]),
    ("users by number", [service("User=33\nGroup=4")]),
    ("users that are always there", [service("User=nobody\nGroup=root")]),
    ("a setting without effect that asks for nothing", [service("PrivateTmp=no\nNice=5\nOOMScoreAdjust=100")]),
    ("a capability that is granted", [service("AmbientCapabilities=CAP_NET_BIND_SERVICE")]),
    ("files that may be missing", [service("EnvironmentFile=-/etc/nowhere\nWorkingDirectory=-/srv/nowhere")]),
    ("directories that the unit makes", [service("StateDirectory=x\nWorkingDirectory=/var/lib/x")]),
    ("files that output makes", [service(
        "StateDirectory=x\nStandardOutput=append:/etc/log\nStandardError=file:/var/lib/x/log\n"
        "StandardInput=file:/etc/passwd")]),
    ("drop-ins of many units, and of what has no file", [
        write(f"/etc/systemd/system/{name}.d/a.conf", "[Unit]\n")
        for name in ("service", "a-.service", "my.slice", "systemd-udevd.service", "dev-sda.device", "srv.mount")]),
    ("drop-ins of instances and init scripts", [
        write("/lib/systemd/system/t@.service", SERVICE), program("/etc/init.d/b", b"#!/bin/sh\n"),
        *(write(f"/etc/systemd/system/{name}.d/a.conf", "[Unit]\n")
          for name in ("t@.service", "t@x.service", "b.service"))]),
    ("files that the container may bring", [service("EnvironmentFile=/run/x\nWorkingDirectory=/run/x")]),
    ("a bus that may ask for units", [service(name="dbus.service"), write(BUS_POLICY)]),
    ("a bus whose configuration is that of the package systemd", [
        service(name="dbus.service"), write("/usr/share/dbus-1/system.d/org.freedesktop.systemd1.conf")]),
    ("a generator that init leaves out", [program("/lib/systemd/system-generators/systemd-fstab-generator")]),
    ("a generator that is masked", [link("/dev/null", "/etc/systemd/system-generators/mine")]),
    ("a generator that has nothing to do", [program("/lib/systemd/system-generators/systemd-rc-local-generator")]),
    ("an init script with a unit", [
        service(), program("/etc/init.d/a", b"#!/bin/sh\n"), link("../init.d/a", "/etc/rc2.d/S01a")]),
    ("an init script that is not enabled", [program("/etc/init.d/a", b"#!/bin/sh\n")]),
    ("a link to a unit that is elsewhere", [
        write("/lib/systemd/system/b.service", SERVICE),
        link("/nowhere/b.service", "/etc/systemd/system/multi-user.target.wants/b.service")]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("code", "name", "makes"), PRESENT, ids=[f"{code}-{i}" for i, (code, _, _) in enumerate(PRESENT)]
)
def test_is_found(image: TestImage, code: str, name: str, makes: list[Make]) -> None:
    for make in makes:
        make(image)
    assert (code, name) in image.found(), image.findings()


@pytest.mark.parametrize(("what", "makes"), ABSENT, ids=[what for what, _ in ABSENT])
def test_is_no_finding(image: TestImage, what: str, makes: list[Make]) -> None:
    for make in makes:
        make(image)
    assert image.findings() == []


def test_a_simple_service_has_started_when_its_program_is_missing(image: TestImage) -> None:
    image.service("", "Requires=b.service\nAfter=b.service")
    image.service("ExecStart=/usr/bin/nowhere", name="b.service")
    assert image.found() == [("program", "b.service")]


def test_a_bad_setting_counts_once(image: TestImage) -> None:
    image.unit("a.service", "[Service]\nType=simple\n")
    assert [finding.text for finding in image.findings()] == [
        "Service has no ExecStart=, ExecStop=, or SuccessAction=. Refusing."
    ]


def test_every_kind_of_finding_is_shown_here() -> None:
    elsewhere = {"directory", "privilege", "stop-time"}
    assert {code for code, _, _ in PRESENT} | elsewhere == SEVERITIES.keys()


def test_errors_come_first(image: TestImage) -> None:
    image.service("Foo=bar", name="a.service")
    image.service("ExecStart=/usr/bin/nowhere", name="b.service")
    assert [finding.severity for finding in image.findings()] == [ERROR, WARNING]


# --- where, and in which words ---


def test_the_place_of_a_finding(image: TestImage) -> None:
    image.unit("a.service", "[Unit]\nFoo=bar\n[Service]\nUser=nosuch\nExecStart=/usr/bin/nowhere %n\n")
    image.write("/etc/systemd/system/a.service.d/b.conf", "[Service]\n\nExecReload=/usr/bin/other\n")
    fragment = f"{image.root}/etc/systemd/system/a.service"
    assert {(finding.code, finding.file, finding.line) for finding in image.findings()} == {
        ("setting", fragment, 2),
        ("account", fragment, 4),
        ("program", fragment, 5),
        ("other-program", f"{fragment}.d/b.conf", 3),
    }


@pytest.mark.parametrize(
    ("makes", "text"),
    [
        (
            [service("ExecStart=/usr/bin/nowhere")],
            "Command /usr/bin/nowhere is not executable: No such file or directory",
        ),
        (
            [service("ExecStart=/usr/bin/x"), program("/usr/bin/x", b"#!/usr/bin/nopython -x\n")],
            "Command /usr/bin/x is not executable: Its interpreter /usr/bin/nopython: No such file or directory",
        ),
        (
            [service("ExecStart=/usr/bin/x"), program("/usr/bin/x", b"x")],
            "Command /usr/bin/x is not executable: Exec format error",
        ),
        (
            [service(head="Requires=b.service")],
            "Failed to create a.service/start: Unit b.service not found. A boot starts it all the same.",
        ),
        (
            [unit("a.service", "[Service]\nType=simple\n")],
            "Service has no ExecStart=, ExecStop=, or SuccessAction=. Refusing.",
        ),
        ([unit("a.socket", SOCKET.format("80"))], "service a.service not loaded, socket cannot be started."),
        (
            [service(head="After=b.service"), service(head="After=a.service", name="b.service")],
            "Job a.service/start deleted to break ordering cycle starting with b.service/start",
        ),
        ([service("User=nosuch")], "There is no user nosuch in /etc/passwd."),
        ([service("SupplementaryGroups=no log such")], "There is no group no and no group such in /etc/group."),
        ([service("PrivateTmp=yes\nMemoryMax=1G")], "Settings that are not applied here: PrivateTmp=, MemoryMax="),
        ([service("Nice=-5")], "Settings that need CAP_SYS_NICE, which docker does not grant: Nice="),
    ],
)  # fmt: skip
def test_the_words(image: TestImage, makes: list[Make], text: str) -> None:
    for make in makes:
        make(image)
    found = "\n".join(finding.text for finding in image.findings())
    # Which of two units has to go depends on nothing that matters here.
    assert re.sub(r"[ab]\.service", "", text) in re.sub(r"[ab]\.service", "", found), found


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
@pytest.mark.parametrize(
    "text",
    [
        "[Unit]\nFoo=bar\n[Service]\nExecStart=/bin/sh\n[Sektion]\n",
        "[Service]\nExecStart=/usr/bin/nowhere\nExecStop=/usr/bin/other\nEnvironment=a\n",
        "[Service]\nType=simple\n",
        "[Unit]\nAfter=a.service\nRequires=missing.service\n[Service]\nExecStart=/bin/sh\n",
        "[Socket]\nListenStream=80\n",
    ],
)
def test_systemd_says_the_same(image: TestImage, text: str) -> None:
    """What systemd-analyze finds is found, in its words."""
    name = "a.socket" if "[Socket]" in text else "a.service"
    image.unit(name, text)
    path = image.path(f"/etc/systemd/system/{name}")
    path.chmod(0o666)
    result = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", str(path)], capture_output=True, text=True
    )
    counted_once = f"Unit {name} has a bad unit file setting."
    theirs = [line.removeprefix(f"{name}: ") for line in result.stderr.splitlines() if counted_once not in line]
    ours = [f"{each.file}:{each.line}: {each.text}" for each in image.findings()] + [
        each.text for each in image.findings()
    ]
    assert theirs
    assert not [line for line in theirs if not any(each.startswith(line) for each in ours)], ours


# --- profiles ---


@pytest.mark.parametrize(
    ("settings", "profile", "expected"),
    [
        ("User=web", "docker", []),
        ("User=web", "openshift", ["privilege"]),
        ("User=root", "openshift", ["privilege"]),
        ("Group=root", "openshift", []),
        ("DynamicUser=yes", "openshift", ["privilege"]),
        ("RootDirectory=/", "openshift", ["privilege"]),
        ("Nice=-5\nOOMScoreAdjust=-1", "privileged", []),
        ("Nice=-5\nIOSchedulingClass=realtime", "podman", ["not-permitted"]),
        ("AmbientCapabilities=CAP_NET_RAW", "docker", []),
        ("AmbientCapabilities=CAP_NET_RAW", "podman", ["not-permitted"]),
    ],
)
def test_profiles(image: TestImage, settings: str, profile: str, expected: list[str]) -> None:
    image.service(settings)
    assert [code for code, _ in image.found(profile) if code != "not-applied"] == expected


@as_root
def test_a_program_of_the_users_groups(image: TestImage) -> None:
    image.service("User=web\nExecStart=/usr/bin/x")
    image.program("/usr/bin/x", mode=0o710)
    os.chown(image.path("/usr/bin/x"), -1, 4)
    assert image.found() == []
    os.chown(image.path("/usr/bin/x"), -1, 5)
    assert image.found() == [("program", "a.service")]


@as_root
def test_directories_of_an_arbitrary_user(image: TestImage) -> None:
    image.service("StateDirectory=x/y\nCacheDirectory=c\nConfigurationDirectory=e\nRuntimeDirectory=r")
    image.path("/var/lib").mkdir(parents=True)
    image.path("/var/cache/c").mkdir(parents=True)
    image.path("/etc/e").mkdir()
    assert image.found("docker") == []
    assert [finding.text.partition("directory ")[2] for finding in image.findings("openshift")] == [
        "/var/lib/x/y: Permission denied",
        "/var/cache/c: Operation not permitted",
    ]
    image.path("/var/lib").chmod(0o775)
    image.path("/var/cache/c").rmdir()
    image.path("/var/cache").chmod(0o770)
    for path in ("/var/lib", "/var/cache"):
        os.chown(image.path(path), -1, 0)
    assert image.found("openshift") == []


@as_root
def test_services_of_others_that_run_as_the_arbitrary_user(image: TestImage) -> None:
    image.service("User=web\nGroup=web\nExecStart=/usr/bin/x")
    image.program("/usr/bin/x", mode=0o750)
    os.chown(image.path("/usr/bin/x"), 0, 0)
    findings = image.check("openshift", SYSTEMCTL_IGNORE_USER="yes").findings
    assert [(finding.code, finding.text) for finding in findings] == [
        (
            "not-permitted",
            own_user.warning("1000650000", ("User", "Group")),
        )
    ]
    assert [finding.code for finding in image.check("docker", SYSTEMCTL_IGNORE_USER="yes").findings] == ["program"]
    image.unit("a.service", "[Service]\nUser=1000650000\nExecStart=/usr/bin/true\n")
    assert image.found("openshift") == []
    assert image.found("docker") == [("account", "a.service")]


@as_root
def test_sockets_of_an_arbitrary_user(image: TestImage) -> None:
    settings = "SocketUser=web\nSocketGroup=root\n"
    listens = "[Socket]\nListenStream=80\nListenDatagram=127.0.0.1:1023\nListenStream=1024\nListenStream=vsock:1:2\n"
    image.unit("a.socket", f"{listens}{settings}", "sockets.target")
    image.unit("a.service", wanted_by="")
    assert image.found("docker") == []
    needed = "needs CAP_NET_BIND_SERVICE, which openshift does not grant, or the sysctl"
    ports = [
        ("privilege", f"{port}: a port below 1024 {needed} net.ipv4.ip_unprivileged_port_start")
        for port in ("ListenStream=80", "ListenDatagram=127.0.0.1:1023")
    ]
    failing = "Settings that need CAP_CHOWN, which openshift does not grant: SocketUser=, so that the unit fails."
    assert [(finding.code, finding.text) for finding in image.findings("openshift")] == [
        ("privilege", f"{failing} It runs as init's user with ENV SYSTEMCTL_IGNORE_USER=yes"),
        *ports,
    ]
    found = image.check("openshift", SYSTEMCTL_IGNORE_USER="yes").findings
    assert [(finding.code, finding.text) for finding in found] == [
        *ports,
        ("not-permitted", own_user.owner_warning("1000650000", ("SocketUser",))),
    ]


@as_root
def test_an_arbitrary_user_of_the_group_root(image: TestImage) -> None:
    image.service("ExecStart=/usr/bin/x")
    image.program("/usr/bin/x", mode=0o750)
    image.root.chmod(0o755)
    os.chown(image.path("/usr/bin/x"), 33, 0)
    assert image.found("openshift") == []
    image.path("/usr/bin/x").chmod(0o700)
    assert image.found("docker") == []
    assert image.found("openshift") == [("program", "a.service")]


# --- how long a halt may take ---


def test_the_longest_chain_of_stops(image: TestImage) -> None:
    image.service("TimeoutStopSec=10", "After=b.service", "a.service")
    image.service("TimeoutStopSec=20", "", "b.service")
    image.service("TimeoutStopSec=25", "", "c.service")
    image.service("Type=oneshot\nTimeoutStopSec=90", "Before=b.service", "ends.service")
    stop = image.check(stop_timeout=31_000_000).stop
    assert (stop.chain, stop.usec, stop.limit_usec) == (("a.service", "b.service"), 30_000_000, 30_000_000)
    assert image.check(stop_timeout=31_000_000).findings == ()
    (finding,) = image.check(stop_timeout=30_000_000).findings
    assert finding.code == "stop-time"
    assert finding.text == (
        "Stopping units in order may take 30s: a.service (10s), b.service (20s). The halt has 29s. "
        "To give it more: docker run --stop-timeout=31, and init --stop-timeout=31."
    )
    (finding,) = image.check("kubernetes", SYSTEMCTL_STOP_TIMEOUT="25", stop_timeout=None).findings
    assert finding.text.endswith("terminationGracePeriodSeconds: 31, and SYSTEMCTL_STOP_TIMEOUT=31.")


def test_a_guess_leaves_out_what_nobody_has_set(image: TestImage) -> None:
    image.service("")
    assert image.check(stop_timeout=None).findings == ()
    image.service("TimeoutStopSec=10")
    assert [finding.code for finding in image.check(stop_timeout=None).findings] == ["stop-time"]
    assert image.check("openshift", stop_timeout=None).findings == ()
