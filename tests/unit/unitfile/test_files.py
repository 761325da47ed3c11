"""Configuration is read without blocking, whatever is in its place."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from systemctl_replacement.manager import boot_skips
from systemctl_replacement.unitfile import files
from systemctl_replacement.unitfile.journal_config import KEPT, journal_limit
from systemctl_replacement.unitfile.manager_config import read_manager_config
from systemctl_replacement.unitfile.specifiers import Host


def test_a_regular_file(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"a\r\n\xff" * 50_000)
    data, status = files.read_file(str(path))
    assert data == path.read_bytes() and status.st_size == len(data)
    assert files.read_text(str(path)).encode("utf-8", "surrogateescape") == data
    with pytest.raises(FileNotFoundError):
        files.read_file(str(tmp_path / "missing"))


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: os.symlink("/dev/zero", path)])
def test_anything_else_is_empty(tmp_path: Path, make: Any) -> None:
    make(tmp_path / "a")
    assert files.read_file(str(tmp_path / "a"))[0] == b""


def test_a_file_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_LARGEST", 1000)
    path = tmp_path / "a"
    path.write_bytes(b"x" * 999)
    assert len(files.read_file(str(path))[0]) == 999
    os.truncate(path, 1 << 40)
    with pytest.raises(OSError, match="too large"):
        files.read_file(str(path))


def test_nobody_waits_for_a_fifo(tmp_path: Path) -> None:
    names = ("etc/systemd/system.conf", "etc/systemd/journald.conf", "etc/machine-id", "etc/os-release", "etc/passwd")
    for name in (*names, "etc/group", *(name.lstrip("/") for name in boot_skips.LOCAL_FILES)):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        os.mkfifo(tmp_path / name)
    root = str(tmp_path)
    config = read_manager_config(root)
    assert journal_limit(root, KEPT, lambda problem: pytest.fail(str(problem))) == 0
    assert config.show_status
    assert Host.current(root).os_release == {}
    boot_skips.read(str(tmp_path), root, pytest.fail, frozenset())
