"""A message bus below an engine's directory, and services that take a name on it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.engine.manager.engine import Engine, wait_for

NAME = "org.example.Test"

_CONFIGURATION = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path=@ROOT@/run/dbus/system_bus_socket</listen>
  <servicedir>@ROOT@/services</servicedir>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <allow own="*"/>
    <allow send_destination="*" send_type="method_call"/>
    <allow send_type="signal"/>
    <allow send_requested_reply="true"/>
    <allow receive_sender="*"/>
  </policy>
</busconfig>
"""
BUS = """[Service]
Type=notify
ExecStart=dbus-daemon --config-file=@ROOT@/bus.conf --nofork --nopidfile --systemd-activation
"""

# A service: takes a name when there is a file, gives it up when there is another one.
_OWNER = """
import os, sys, time
sys.path[:0] = [path for path in {paths!r}]
from jeepney import DBusAddress, new_method_call
from jeepney.io.blocking import open_dbus_connection
root, name, take, drop = sys.argv[1:5]
def wait(path):
    while path and not os.path.exists(root + "/" + path):
        time.sleep(0.01)
def ask(method, *body):
    bus = DBusAddress("/org/freedesktop/DBus", bus_name="org.freedesktop.DBus", interface="org.freedesktop.DBus")
    answer = connection.send_and_get_reply(new_method_call(bus, method, "su" if len(body) == 2 else "s", body))
    with open(root + "/notes", "a") as notes:
        notes.write(f"{{method}} {{answer.body[0]}}\\n")
wait(take)
connection = open_dbus_connection(f"unix:path={{root}}/run/dbus/system_bus_socket")
ask("RequestName", name, 4)
if drop:
    wait(drop)
    ask("ReleaseName", name)
time.sleep(1000)
"""


def write_files(engine: Engine) -> None:
    """Write what the bus and the services need, before the bus is started."""
    (engine.root / "bus.conf").write_text(_CONFIGURATION.replace("@ROOT@", str(engine.root)))
    (engine.root / "services").mkdir()
    (engine.root / "run/dbus").mkdir(parents=True)
    paths = [path for path in sys.path if path.endswith("-packages")]
    (engine.root / "owner.py").write_text(_OWNER.format(paths=paths))


def owner(take: str = "", drop: str = "", name: str = NAME, more: str = "") -> str:
    """A unit whose process takes its name once the file `take` is there, and gives it up once `drop` is; "": at once,
    never."""
    return (
        f"[Service]\nType=dbus\nBusName={name}\n{more}"
        f'ExecStart={sys.executable} -IS @ROOT@/owner.py @ROOT@ {name} "{take}" "{drop}"\n'
    )


def socket_of(engine: Engine) -> Path:
    return engine.root / "run/dbus/system_bus_socket"


def start_bus(engine: Engine) -> None:
    assert engine.run("start", "dbus.service") == "done"
    wait_for(socket_of(engine).exists, "the socket of the bus")


def send(engine: Engine, *words: str) -> subprocess.CompletedProcess[str]:
    """dbus-send to the bus of an engine, as a client of its own."""
    address = f"--bus=unix:path={socket_of(engine)}"
    return subprocess.run(["dbus-send", address, "--print-reply", *words], capture_output=True, text=True, timeout=30)
