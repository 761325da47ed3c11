"""`systemctl show` of values that cannot be shown: only these are lost."""

from __future__ import annotations

import pytest

from tests.box.harness import SYSTEMD_PACKAGES, Box

pytestmark = pytest.mark.box


def test_bytes_that_are_no_text_cost_nothing_else() -> None:
    bad = "[Service]\nExecStart=/bin/true \\xff\nExecStop=a\\xffb\nEnvironment=A=\\xff\nStateDirectory=\\xff\n"
    files = {f"/etc/systemd/system/{name}.service": bad for name in ("a", "b")}
    files["/etc/systemd/system/c.service"] = "[Service]\nExecStart=/bin/true\nStandardInputText=hello\n"
    with Box(packages=SYSTEMD_PACKAGES, files=files) as box:
        box.wait_booted()
        shown = box.run("systemctl show -p Id,ExecStart,StandardInputData a b c; systemctl show '*' | grep -c ^Id=")
        assert shown.stderr == ""
        assert [line for line in shown.stdout.splitlines() if line.startswith(("Id", "Standard"))] == [
            "StandardInputData=",
            "Id=a.service",
            "StandardInputData=",
            "Id=b.service",
            "StandardInputData=aGVsbG8K",
            "Id=c.service",
        ]
        assert int(shown.stdout.split()[-1]) > 10
        assert box.run("systemctl status a", check=False).returncode == 3
