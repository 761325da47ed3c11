"""Implicit and default dependencies. Expected is what real systemd 252 shows for the same units in a container."""

from __future__ import annotations

from pathlib import Path

import pytest

from systemctl_replacement.unitfile import dependencies
from systemctl_replacement.unitfile.dependencies import mounts_above
from tests.unit.unitfile.oracle import load_from

RUN = "ExecStart=/bin/sleep 1\n"

# Name, text, and kinds with all that systemd shows, but for -.mount and what other units bring.
CASES: dict[str, tuple[str, dict[str, str]]] = {
    "plain.service": (
        "[Service]\n" + RUN,
        {
            "Slice": "system.slice",
            "Requires": "sysinit.target system.slice",
            "After": "sysinit.target basic.target system.slice systemd-journald.socket",
            "Before": "shutdown.target",
            "Conflicts": "shutdown.target",
        },
    ),
    "bare.service": (
        "[Unit]\nDefaultDependencies=no\nAfter=plain.service foo.target\nRequires=plain.service\n[Service]\n"
        + RUN
        + "WorkingDirectory=/srv/x\nStateDirectory=st\nRuntimeDirectory=rt\nPrivateTmp=yes\nStandardOutput=null\n",
        {
            "Slice": "system.slice",
            "Requires": "plain.service system.slice",
            "Wants": "tmp.mount",
            "After": (
                "foo.target plain.service systemd-tmpfiles-setup.service systemd-remount-fs.service tmp.mount "
                "system.slice"
            ),
            "RequiresMountsFor": "/srv/x /var/lib/st /var/tmp /run/rt",
        },
    ),
    "optional.service": (
        "[Service]\n" + RUN + "WorkingDirectory=-/srv/x\nStandardOutput=null\nSockets=a.socket\n",
        {
            "Slice": "system.slice",
            "Requires": "sysinit.target system.slice",
            "Wants": "a.socket",
            "After": "a.socket sysinit.target basic.target system.slice",
            "TriggeredBy": "a.socket",
            "Before": "shutdown.target",
            "Conflicts": "shutdown.target",
        },
    ),
    "bus.service": (
        "[Service]\nType=dbus\nBusName=a.b\nSlice=foo-bar.slice\n" + RUN,
        {
            "Slice": "foo-bar.slice",
            "Requires": "foo-bar.slice sysinit.target",
            "Wants": "dbus.socket",
            "After": "dbus.socket foo-bar.slice sysinit.target basic.target systemd-journald.socket",
            "Before": "shutdown.target",
            "Conflicts": "shutdown.target",
        },
    ),
    "name@x.service": (
        "[Service]\nLogNamespace=ns\n" + RUN,
        {
            "Slice": "system-name.slice",
            "Requires": (
                "sysinit.target system-name.slice systemd-journald@ns.socket systemd-journald-varlink@ns.socket"
            ),
            "After": (
                "sysinit.target basic.target system-name.slice systemd-journald@ns.socket "
                "systemd-journald-varlink@ns.socket"
            ),
            "Before": "shutdown.target",
            "Conflicts": "shutdown.target",
        },
    ),
    "a.target": (
        "[Unit]\nWants=plain.service\n",
        {"Wants": "plain.service", "Before": "shutdown.target", "Conflicts": "shutdown.target"},
    ),
    "shutdown.target": ("[Unit]\nDescription=x\n", {}),
    "path.socket": (
        "[Socket]\nListenStream=/srv/s.sock\n",
        {
            "Slice": "system.slice",
            "Requires": "sysinit.target system.slice",
            "After": "sysinit.target system.slice",
            "Before": "path.service sockets.target shutdown.target",
            "Triggers": "path.service",
            "Conflicts": "shutdown.target",
            "RequiresMountsFor": "/srv/s.sock",
        },
    ),
    "accept.socket": (
        "[Socket]\nListenStream=1234\nAccept=yes\nExecStartPre=/bin/true\nBindToDevice=eth0\n",
        {
            "Slice": "system.slice",
            "Requires": "sysinit.target system.slice",
            "After": "sysinit.target system.slice systemd-journald.socket",
            "Before": "sockets.target shutdown.target",
            "Conflicts": "shutdown.target",
        },
    ),
    "daily.timer": (
        "[Timer]\nOnCalendar=daily\nPersistent=yes\nUnit=plain.service\n",
        {
            "Requires": "sysinit.target",
            "After": "sysinit.target time-sync.target time-set.target",
            "Before": "plain.service timers.target shutdown.target",
            "Triggers": "plain.service",
            "Conflicts": "shutdown.target",
            "RequiresMountsFor": "/var/lib/systemd/timers",
        },
    ),
    "watch.path": (
        "[Path]\nPathExists=/srv/foo\n",
        {
            "Requires": "sysinit.target",
            "After": "sysinit.target",
            "Before": "watch.service paths.target shutdown.target",
            "Triggers": "watch.service",
            "Conflicts": "shutdown.target",
            "RequiresMountsFor": "/srv/foo",
        },
    ),
    "mnt-a.mount": (
        "[Mount]\nWhat=/dev/sda1\nWhere=/mnt/a\nType=ext4\n",
        {
            "Slice": "system.slice",
            "Requires": "system.slice",
            "After": "local-fs-pre.target system.slice systemd-journald.socket",
            "Before": "local-fs.target umount.target",
            "Conflicts": "umount.target",
            "RequiresMountsFor": "/dev/sda1 /mnt",
        },
    ),
    "mnt-c.mount": (
        "[Mount]\nWhat=server:/x\nWhere=/mnt/c\nType=nfs\n",
        {
            "Slice": "system.slice",
            "Requires": "system.slice",
            "Wants": "network-online.target",
            "After": ("network-online.target network.target remote-fs-pre.target system.slice systemd-journald.socket"),
            "Before": "remote-fs.target umount.target",
            "Conflicts": "umount.target",
            "RequiresMountsFor": "/mnt",
        },
    ),
    "mnt-d.mount": (
        "[Mount]\nWhat=/srv\nWhere=/mnt/d\nOptions=bind,nofail\n",
        {
            "Slice": "system.slice",
            "Requires": "system.slice",
            "After": "local-fs-pre.target system.slice systemd-journald.socket",
            "Before": "umount.target",
            "Conflicts": "umount.target",
            "RequiresMountsFor": "/srv /mnt",
        },
    ),
    "mnt-e.automount": (
        "[Automount]\nWhere=/mnt/e\n",
        {
            "After": "local-fs-pre.target",
            "Before": "local-fs.target umount.target mnt-e.mount",
            "Triggers": "mnt-e.mount",
            "Conflicts": "umount.target",
            "RequiresMountsFor": "/mnt",
        },
    ),
    "swapfile.swap": (
        "[Swap]\nWhat=/swapfile\n",
        {
            "Slice": "system.slice",
            "Requires": "system.slice",
            "After": "system.slice systemd-journald.socket systemd-remount-fs.service",
            "RequiresMountsFor": "/swapfile",
        },
    ),
    "new.slice": (
        "[Slice]\n",
        {
            "Slice": "-.slice",
            "Requires": "-.slice",
            "After": "-.slice",
            "Conflicts": "shutdown.target",
            "Before": "shutdown.target",
        },
    ),
    "system.slice": ("[Slice]\n", {"Slice": "-.slice", "Requires": "-.slice", "After": "-.slice"}),
}


@pytest.mark.parametrize("name", CASES)
def test_dependencies(name: str, tmp_path: Path) -> None:
    text, expected = CASES[name]
    (tmp_path / name).write_text(text)
    found = {kind: set(others) for kind, others in load_from(tmp_path, name).dependencies.items()}
    assert found == {kind: set(others.split()) for kind, others in expected.items()}


def test_targets_are_ordered_after_what_they_pull_in() -> None:
    plain = {"Wants": ("a.service",)}
    assert dependencies.pulls_in(plain) == {"a.service"}
    assert dependencies.target_orders_after("t.target", plain, "a.service", True, True)
    assert not dependencies.target_orders_after("t.target", plain, "a.service", True, False)
    assert not dependencies.target_orders_after("t.target", plain, "a.service", False, True)
    ordered = {"Wants": ("a.service",), "Before": ("a.service",)}
    assert not dependencies.target_orders_after("t.target", ordered, "a.service", True, True)


def test_mounts_above_a_path() -> None:
    assert list(mounts_above("/")) == ["-.mount"]
    assert list(mounts_above("/var//lib/a-b/")) == ["-.mount", "var.mount", "var-lib.mount", "var-lib-a\\x2db.mount"]
    assert list(mounts_above("/a/../b")) == ["-.mount"]


@pytest.mark.parametrize(("file", "kind"), [("dbus.socket", "Requires"), ("other.socket", "Wants")])
def test_a_bus_is_required_where_there_is_one(file: str, kind: str, tmp_path: Path) -> None:
    (tmp_path / file).write_text("[Socket]\nListenStream=/x\n")
    (tmp_path / "a.service").write_text("[Service]\nBusName=a.b\n" + RUN)
    found = load_from(tmp_path, "a.service").dependencies
    assert "dbus.socket" in found[kind]
    assert ("dbus.socket" in found.get("Wants", ())) != ("dbus.socket" in found["Requires"])
