"""Whose IPC objects are removed, and when."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

import pytest

from systemctl_replacement import syscalls
from systemctl_replacement.process import ipc

root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to be somebody else")
NOBODY_IS = 61999
PR_SET_DUMPABLE = 4


@root
@pytest.mark.parametrize("dumpable", [1, 0])
def test_processes_of_a_user_are_seen(dumpable: int) -> None:
    assert not ipc.is_anybody_there(NOBODY_IS)
    said, say = os.pipe()
    held, hold = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(hold)
        os.setresuid(NOBODY_IS, NOBODY_IS, NOBODY_IS)
        syscalls.prctl(PR_SET_DUMPABLE, dumpable)
        os.write(say, b"x")
        os.read(held, 1)
        os._exit(0)
    os.close(held)
    os.read(said, 1)
    try:
        assert ipc.is_anybody_there(NOBODY_IS)
    finally:
        os.close(hold)
        os.close(said)
        os.close(say)
        os.waitpid(pid, 0)


@root
def test_objects_of_the_user_go_and_others_stay() -> None:
    libc = ctypes.CDLL(None)
    files = [Path(f"/dev/shm/systemctl-replacement-test-{os.getpid()}-{name}") for name in ("theirs", "ours")]
    identifiers = []
    try:
        for file, owner in zip(files, (NOBODY_IS, 0)):
            file.mkdir()
            (file / "below").touch()
            for path in (file / "below", file):
                os.chown(path, owner, owner)
            os.seteuid(owner)
            identifiers.append(libc.shmget(0, 4096, 0o1600))
            os.seteuid(0)
        ipc.remove(NOBODY_IS)
        assert [file.exists() for file in files] == [False, True]
        listed = [int(line.split()[1]) for line in Path("/proc/sysvipc/shm").read_text().splitlines()[1:]]
        assert [identifier in listed for identifier in identifiers] == [False, True]
    finally:
        libc.shmctl(identifiers[-1], 0, None)
        for file in files:
            (file / "below").unlink(missing_ok=True)
            if file.exists():
                file.rmdir()
