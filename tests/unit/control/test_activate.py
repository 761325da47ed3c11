"""Starting a manager in the background: what it inherits, what it does not, and what happens if it fails."""

from __future__ import annotations

import json
import os
import sys
import threading
from pathlib import Path

import pytest

from systemctl_replacement.control import activate
from systemctl_replacement.control.activate import ActivationError, start_manager
from systemctl_replacement.paths import Paths

REPOSITORY = str(Path(__file__).parents[3])

# A manager of a few lines: it reports what it was given, listens, is ready, and ends after the first client.
PROGRAM = f"""
import json, os, signal, sys
sys.path.insert(0, {REPOSITORY!r})
from systemctl_replacement.control.listener import listen
directory = [word for word in sys.argv if word.startswith("--root=")][0][7:]
facts = {{
    "arguments": sys.argv[1:],
    "cwd": os.getcwd(),
    "session": os.getsid(0),
    "environment": sorted(os.environ),
    "streams": [os.readlink(f"/proc/self/fd/{{number}}") for number in (0, 1, 2)],
    "descriptors": sorted(int(name) for name in os.listdir("/proc/self/fd"))[:-1],
    "blocked": [int(number) for number in signal.pthread_sigmask(signal.SIG_BLOCK, ())],
    "umask": os.umask(0),
}}
with open(directory + "/facts", "a") as file:
    file.write(json.dumps(facts) + "\\n")
listener = listen(directory + "/run/systemd/systemctl-replacement.socket")
os.write(3, b"READY\\n")
os.close(3)
listener.settimeout(20)
for _ in range(int(os.path.exists(directory + "/two")) + 1):
    connection = listener._accept()[0]
"""


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(str(tmp_path))


def use(monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    monkeypatch.setattr(activate, "self_command", lambda: [sys.executable, "-ISc", program])


def facts(tmp_path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (tmp_path / "facts").read_text().splitlines()]


def test_it_keeps_nothing_of_the_caller(paths: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, PROGRAM)
    monkeypatch.setenv("LEAKED", "1")
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/user/4711")
    reading, writing = os.pipe()
    os.set_inheritable(writing, True)
    manager = start_manager(paths)
    os.close(writing)
    assert os.read(reading, 1) == b""  # nobody holds the other end
    os.close(reading)
    manager.close()
    (found,) = facts(tmp_path)
    assert found["arguments"] == ["init", "--on-demand", "--ready-fd=3", f"--root={tmp_path}"]
    assert found["cwd"] == "/"
    assert found["session"] != os.getsid(0)
    assert found["streams"] == ["/dev/null"] * 3
    assert found["descriptors"] == [0, 1, 2, 3]
    assert found["blocked"] == []
    assert found["umask"] == 0o022
    environment = found["environment"]
    assert isinstance(environment, list)
    assert "LEAKED" not in environment
    assert {"PATH", "XDG_RUNTIME_DIR"} <= set(environment)


def test_two_at_once_start_one(paths: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, PROGRAM)
    (tmp_path / "two").touch()
    found = []
    threads = [threading.Thread(target=lambda: found.append(start_manager(Paths(paths.root)))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(found) == 2
    assert len(facts(tmp_path)) == 1
    for manager in found:
        manager.close()


@pytest.mark.parametrize(
    ("program", "text"),
    [
        ("import os; os.write(3, b'cannot read units: No space left on device\\n')", "cannot read units: No space"),
        ("raise SystemExit(1)", "ended before it was ready"),
        ("import os; os.write(3, b'READY\\n')", "does not answer"),
    ],
)
def test_failures_are_told(paths: Paths, monkeypatch: pytest.MonkeyPatch, program: str, text: str) -> None:
    use(monkeypatch, program)
    with pytest.raises(ActivationError, match=text):
        start_manager(paths)


def test_a_link_in_the_place_of_the_lock_is_not_followed(paths: Paths, tmp_path: Path) -> None:
    Path(paths.start_lock()).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic links"):
        start_manager(paths)
    assert not (tmp_path / "elsewhere").exists()
