"""Which command lines of PID 1 are a shell that runs nothing but us."""

from __future__ import annotations

import pytest

from systemctl_replacement.control.shell_form import is_last_command, remedy


@pytest.mark.parametrize(
    ("script", "arguments"),
    [
        ("systemctl start y", "start y"),
        ("/usr/bin/systemctl init", "init"),
        ("python3 /usr/bin/systemctl  init --show-status=full ; ", "init --show-status=full"),
        ("mkdir -p /x && systemctl restart 'y'", "restart y"),
        ("systemctl start x\nsystemctl start y\n", "start y"),
    ],
)
def test_the_last_command(script: str, arguments: str) -> None:
    words = arguments.split()
    assert is_last_command(["/bin/sh", "-c", script], words)
    assert is_last_command(["/bin/busybox", "sh", "-c", script], words)
    assert not is_last_command(["/bin/sh", script], words)
    assert not is_last_command(["/sbin/tini", "sh", "-c", script], words)
    for more in (" && sleep infinity", " &", " || true", " > /log", "; wait", " x"):
        assert not is_last_command(["/bin/sh", "-c", script + more], words)


@pytest.mark.parametrize("script", ["systemctl start $UNIT", "exec systemctl start y2", "echo start y", "start y", ""])
def test_in_doubt_it_is_not(script: str) -> None:
    assert not is_last_command(["sh", "-c", script], ["start", "y"])


def test_the_remedy_is_an_init() -> None:
    assert remedy(["start", "y"]) == 'CMD ["systemctl", "start", "y"], or \'exec systemctl start y\''
    assert remedy(["stop", "y"]) == 'CMD ["systemctl", "init"], or \'exec systemctl init\''
