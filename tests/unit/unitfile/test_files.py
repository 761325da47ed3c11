"""Configuration is read without blocking, whatever is in its place."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from systemctl_replacement.manager import boot_skips
from systemctl_replacement.unitfile import files
from systemctl_replacement.unitfile.journal_config import read_journal_config
from systemctl_replacement.unitfile.load import load
from systemctl_replacement.unitfile.loadpath import Index
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
    assert not read_journal_config(root).problems
    assert config.status_unit_format == "combined"
    assert Host.current(root).os_release == {}
    boot_skips.read(str(tmp_path), root, pytest.fail, frozenset())


EXECUTABLE = "Configuration file {} is marked executable. Please remove executable permission bits. Proceeding anyway."
WRITABLE = (
    "Configuration file {} is marked world-writable. Please remove world writability permission bits. "
    "Proceeding anyway."
)
INACCESSIBLE = (
    "Configuration file {} is marked world-inaccessible. This has no effect as configuration data is accessible via "
    "APIs without restrictions. Proceeding anyway."
)
MODES = {
    0o644: (), 0o664: (), 0o755: (EXECUTABLE,), 0o666: (WRITABLE,), 0o777: (EXECUTABLE, WRITABLE),
    0o640: (INACCESSIBLE,), 0o600: (INACCESSIBLE,), 0o662: (WRITABLE, INACCESSIBLE),
}  # fmt: skip


@pytest.mark.parametrize("mode", MODES)
def test_odd_modes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: int) -> None:
    """Of the unit file, of a drop-in and of system.conf. That a file cannot be read is for PID 1 to tell."""
    paths = [tmp_path / path for path in ("units/a.service", "units/a.service.d/b.conf", "etc/systemd/system.conf")]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("[Service]\nExecStart=/bin/true\n" if path.suffix == ".service" else "[Unit]\n")
        path.chmod(mode)
    texts = MODES[mode]
    for pid, expected in ((1, texts), (2, tuple(text for text in texts if text != INACCESSIBLE))):
        monkeypatch.setattr(os, "getpid", lambda pid=pid: pid)
        unit = load("a.service", Index([str(tmp_path / "units")]), Host())
        assert unit.mode_warnings == tuple(text.format(path) for path in paths[:2] for text in expected)
        problems = read_manager_config(str(tmp_path)).problems
        marked = [str(problem) for problem in problems if "marked" in str(problem)]
        assert marked == [text.format(paths[2]) for text in expected]


def test_what_is_masked_may_have_any_mode(tmp_path: Path) -> None:
    (tmp_path / "a.service").touch(mode=0o777)
    (tmp_path / "a.service").chmod(0o777)
    unit = load("a.service", Index([str(tmp_path)]), Host())
    assert (unit.load_state, unit.mode_warnings) == ("masked", ())


@pytest.mark.parametrize(("number", "stale"), [(errno.EMFILE, True), (errno.EACCES, False)])
def test_units_are_not_forgotten_for_want_of_a_descriptor(
    number: int, stale: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.service").touch()

    def fail(_path: str) -> object:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", fail)
        index = Index([str(tmp_path)])
    assert [os.strerror(number) in problem.message for problem in index.problems] == [True]
    assert index.is_stale() is stale
    assert not Index([str(tmp_path)]).is_stale()
