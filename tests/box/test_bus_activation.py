"""D-Bus activation in an image that has dbus, but not the package systemd and its bus configuration."""

from __future__ import annotations

import json

from systemctl_replacement.paths import BUS_POLICY
from tests.box.harness import Box

FILES = {
    "/etc/systemd/system/asked.service": "[Service]\nType=oneshot\nExecStart=touch /run/asked\n",
    "/usr/share/dbus-1/system-services/org.example.Asked.service": (
        "[D-BUS Service]\nName=org.example.Asked\nExec=/bin/false\nUser=root\nSystemdService=asked.service\n"
    ),
}
ASK = (
    "dbus-send --system --print-reply --reply-timeout=1 --dest=org.freedesktop.DBus / "
    "org.freedesktop.DBus.StartServiceByName string:org.example.Asked uint32:0"
)
CHECK = "systemctl init --check -o json"


def _codes(output: str) -> list[str]:
    return [finding["code"] for finding in json.loads(output)["findings"]]


def test_the_bus_starts_units_for_whoever_asks() -> None:
    with Box(packages=["dbus"], files=FILES) as box:
        assert box.wait_booted() == "running"
        assert not box.exists("/usr/share/dbus-1/system.d/org.freedesktop.systemd1.conf")
        # Nobody takes the name, so there is no answer to wait for.
        box.run(ASK, user="33")
        box.wait_for(lambda: box.exists("/run/asked"), what="the unit that the bus was asked for")
        # Others are refused at once, and not left waiting.
        call = "dbus-send --system --print-reply --dest=org.freedesktop.systemd1 / org.example.A.b"
        assert "UnknownMethod" in box.run(call).stderr
        assert "AccessDenied" in box.run(call, user="33").stderr
        assert "bus" not in _codes(box.run(CHECK).stdout)
        box.run(f"rm {BUS_POLICY}", check=True)
        assert "bus" in _codes(box.run(CHECK).stdout)
