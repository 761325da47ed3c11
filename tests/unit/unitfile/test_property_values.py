"""Settings as property values: `show` must not fail on what a hardened unit sets."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from systemctl_replacement.cli.property_text import render
from systemctl_replacement.unitfile.load import load
from systemctl_replacement.unitfile.loadpath import Index
from systemctl_replacement.unitfile.manager_config import ManagerConfig
from systemctl_replacement.unitfile.properties import kinds as properties
from systemctl_replacement.unitfile.properties.of_unit import of_file
from systemctl_replacement.unitfile.specifiers import Host

SHOWN = [
    ("CapabilityBoundingSet=CAP_CHOWN CAP_KILL", "CapabilityBoundingSet", "cap_chown cap_kill"),
    ("AmbientCapabilities=CAP_CHOWN\nAmbientCapabilities=CAP_KILL", "AmbientCapabilities", "cap_chown cap_kill"),
    ("AmbientCapabilities=CAP_CHOWN CAP_KILL\nAmbientCapabilities=~CAP_KILL", "AmbientCapabilities", "cap_chown"),
    ("SystemCallFilter=@mount write\nSystemCallFilter=~write", "SystemCallFilter", "@mount"),
    ("SystemCallFilter=~@mount", "SystemCallFilter", "~@mount"),
    ("SystemCallFilter=read nosuch @nosuch", "SystemCallFilter", "read"),
    ("RestrictAddressFamilies=AF_UNIX AF_INET", "RestrictAddressFamilies", "AF_INET AF_UNIX"),
    ("RestrictNamespaces=yes", "RestrictNamespaces", "yes"),
    ("RestrictNamespaces=~user", "RestrictNamespaces", "cgroup ipc net mnt pid uts"),
    ("IOSchedulingClass=idle", "IOSchedulingClass", "3"),
    ("CPUSchedulingPolicy=batch", "CPUSchedulingPolicy", "3"),
    ("CPUAffinity=0-2 5", "CPUAffinity", "0-2 5"),
    ("NUMAPolicy=bind\nNUMAMask=0", "NUMAPolicy", "bind"),
    ("MountFlags=slave", "MountFlags", "slave"),
    ("CoredumpFilter=default elf-headers", "CoredumpFilter", "0x33"),
    ("SecureBits=keep-caps noroot", "SecureBits", "17"),
    ("StandardOutput=append:/run/x", "StandardOutput", "append"),
    ("BindPaths=-/a:/b /c", "BindPaths", "-/a:/b:rbind /c:/c:rbind"),
    ("TemporaryFileSystem=/x:ro", "TemporaryFileSystem", "/x:ro"),
    ("DeviceAllow=/dev/null rw", "DeviceAllow", "/dev/null rw"),
    ("LimitNOFILE=10:20", "LimitNOFILESoft", "10"),
    ("Slice=a-b.slice", "Slice", "a-b.slice"),
]


@pytest.mark.parametrize(("text", "name", "shown"), SHOWN)
def test_shown(tmp_path: Path, text: str, name: str, shown: str) -> None:
    (tmp_path / "a.service").write_text(f"[Service]\nExecStart=/bin/true\n{text}\n")
    values = of_file(load("a.service", Index([str(tmp_path)]), Host()), ManagerConfig())
    lines = {
        entry.name: render(entry.kind, values.get(entry.name, entry.default))
        for entry in properties.of_type("service")
        if entry.kind != "unprintable"
    }
    assert lines[name] == [shown]


def test_what_the_configuration_decides(tmp_path: Path) -> None:
    (tmp_path / "a.service").write_text("[Service]\nExecStart=/bin/true\n")
    config = ManagerConfig(
        default_standard_output="null", default_oom_score_adjust=7, timer_slack=17, default_restart=13
    )
    values = of_file(load("a.service", Index([str(tmp_path)]), Host()), config)
    found = [values[name] for name in ("StandardOutput", "OOMScoreAdjust", "TimerSlackNSec", "RestartUSec")]
    assert found == ["null", 7, 17, 13]
    values = of_file(load("a.service", Index([str(tmp_path)]), Host()), ManagerConfig())
    assert values["TimerSlackNSec"] == 50000


def test_what_is_inherited_from_the_manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.service").write_text("[Service]\nExecStart=/bin/true\n")
    (tmp_path / "b.service").write_text("[Service]\nExecStart=/bin/true\nNice=3\nOOMScoreAdjust=4\n")
    monkeypatch.setattr(os, "getpriority", lambda _which, _who: 5)
    own = int(Path("/proc/self/oom_score_adj").read_text(encoding="ascii"))
    index = Index([str(tmp_path)])
    shown = [of_file(load(f"{name}.service", index, Host()), ManagerConfig()) for name in "ab"]
    assert [(values["Nice"], values["OOMScoreAdjust"]) for values in shown] == [(5, own), (3, 4)]


@pytest.mark.parametrize(
    ("text", "output", "error"),
    [
        ("", "journal", "kmsg"),
        ("StandardError=journal", "journal", "journal"),
        ("StandardOutput=null", "null", "inherit"),
        ("StandardOutput=inherit", "journal", "kmsg"),
        ("StandardError=inherit", "journal", "kmsg"),
        ("StandardInput=tty", "inherit", "inherit"),
        ("StandardInput=tty\nStandardOutput=journal", "journal", "inherit"),
        ("StandardInputData=aGVsbG8=", "journal", "kmsg"),
        ("StandardInput=file:/dev/null", "journal", "kmsg"),
    ],
)
def test_what_a_service_inherits(tmp_path: Path, text: str, output: str, error: str) -> None:
    """As real systemd shows it with DefaultStandardError=kmsg."""
    (tmp_path / "a.service").write_text(f"[Service]\nExecStart=/bin/true\n{text}\n")
    config = ManagerConfig(default_standard_error="kmsg")
    values = of_file(load("a.service", Index([str(tmp_path)]), Host()), config)
    assert (values["StandardOutput"], values["StandardError"]) == (output, error)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("audit", ["audit 0"]), ("audit 4294967295", ["audit 4294967295"]), ("audit 4294967296", []),
        ("3 -1", []), ("3", ["firewall 0"]), ("07", ["selinux 0"]), ("0x5", ["nflog 0"]), ("+3", ["firewall 0"]),
        ("2147483647", ["2147483647 0"]), ("2147483648", []), ("1000000000000000000000", []), ("-1", []),
    ],
)  # fmt: skip
def test_netlink_addresses(tmp_path: Path, text: str, shown: list[str]) -> None:
    (tmp_path / "a.socket").write_text(f"[Socket]\nListenStream=/a\nListenNetlink={text}\n")
    values = of_file(load("a.socket", Index([str(tmp_path)]), Host()), ManagerConfig())
    assert [address for kind, address in values["Listen"] if kind == "Netlink"] == shown
