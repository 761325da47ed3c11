"""system.conf and its drop-ins."""

from __future__ import annotations

from pathlib import Path

from systemctl_replacement.unitfile.manager_config import ManagerConfig, read_manager_config
from systemctl_replacement.unitfile.values import INFINITY, ResourceLimit


def test_defaults(tmp_path: Path) -> None:
    assert read_manager_config(str(tmp_path)) == ManagerConfig()
    assert ManagerConfig().default_timeout_start == 90_000_000


def test_files_and_dropins(tmp_path: Path) -> None:
    for path, text in (
        (
            "etc/systemd/system.conf",
            "[Manager]\nDefaultTimeoutStartSec=5\nDefaultEnvironment=A=1\nDefaultLimitNOFILE=1:2\n",
        ),
        (
            "etc/systemd/system.conf.d/b.conf",
            "[Manager]\nDefaultTimeoutStopSec=0\nDefaultEnvironment=B=2\nLogColor=yes\n",
        ),
        ("usr/lib/systemd/system.conf.d/b.conf", "[Manager]\nDefaultRestartSec=9\n"),
        (
            "usr/lib/systemd/system.conf.d/a.conf",
            "[Manager]\nDefaultRestartSec=7\nFoo=1\nLogLevel=x\nShowStatus=no\n[Bar]\n",
        ),
    ):
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    config = read_manager_config(str(tmp_path))
    assert config.default_timeout_start == 5_000_000
    assert config.default_timeout_stop == INFINITY
    assert config.default_restart == 7_000_000
    assert config.default_environment == ("A=1", "B=2")
    assert config.default_limits == {"NOFILE": ResourceLimit(1, 2)}
    assert config.show_status == "no"
    name = f"{tmp_path}/usr/lib/systemd/system.conf.d/a.conf"
    assert sorted(str(problem) for problem in config.problems) == [
        f"{name}:3: Unknown key 'Foo' in section [Manager], ignoring.",
        f"{name}:4: Failed to parse log level, ignoring: x",
        f"{name}:6: Unknown section 'Bar'. Ignoring.",
    ]
    assert len(config.stamps) == 3
