"""What an engine passes to PID 1, and what it hears of it (docs/container.md, "For engines and orchestrators")."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.box.harness import PROFILES, Box
from tests.box.test_main_job import enabled

UUID = "11111111-2222-4333-8444-555555555555"
MACHINE_ID = UUID.replace("-", "")
SECRET = """\
[Service]
User=daemon
LoadCredential=secret
ExecStart=/bin/sh -c 'cat %d/secret >/run/out/secret; echo %m >/run/out/machine; exec sleep infinity'
"""
PLAIN = "[Service]\nType=oneshot\nExecStart=/bin/sh -c 'env >/run/out/environment'\nRemainAfterExit=yes\n"
FILES = {
    **enabled("a.service", SECRET),
    **enabled("plain.service", PLAIN),
    "/etc/systemd/system/v.service": "[Unit]\nConditionVirtualization=lxc\n[Service]\nExecStart=/bin/sleep infinity\n",
    "/run/host/container-manager": "lxc\n",
    "/run/host/credentials/secret": "sesame\n",
    "/run/out/made": "",
}
ENVIRONMENT = {"container_uuid": UUID, "CREDENTIALS_DIRECTORY": "/run/host/credentials"}


def remove(box: Box, path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(f"/proc/self/fd/{box._root}{path}")


@contextlib.contextmanager
def listening(box: Box, path: str) -> Iterator[list[str]]:
    """What an engine hears that reads its socket, which is at a path in the box, all the time."""
    heard: list[str] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as engine:
        inside = f"/proc/self/fd/{box._root}{path}"
        engine.bind(inside)
        os.chmod(inside, 0o666)

        def listen() -> None:
            while not over.is_set():
                with contextlib.suppress(socket.timeout):
                    heard.append(engine.recv(1 << 16).decode())

        engine.settimeout(0.05)
        over = threading.Event()
        thread = threading.Thread(target=listen)
        thread.start()
        try:
            yield heard
        finally:
            over.set()
            thread.join()


def test_what_the_engine_passes_and_what_it_hears() -> None:
    environment = {**ENVIRONMENT, "NOTIFY_SOCKET": "/run/host/notify"}
    box = Box(files={**FILES, "/etc/machine-id": ""}, environment=environment, boot=False)
    with box, listening(box, "/run/host/notify") as heard:
        os.chmod(f"/proc/self/fd/{box._root}/run/out", 0o777)
        box.boot()
        box.wait_for(lambda: "READY=1\nSTATUS=Ready." in heard, 30.0, "the engine's news")
        box.wait_for(lambda: "X_SYSTEMD_UNIT_ACTIVE=multi-user.target" in heard, what="news that others went before")
        box.write("/run/credentials/gone.service/secret", "as if its unit had been killed")
        assert heard[:3] == [
            "X_SYSTEMD_SIGNALS_LEVEL=2", "X_SYSTEMD_HOSTNAME=box", f"X_SYSTEMD_MACHINE_ID={MACHINE_ID}",
        ]  # fmt: skip
        assert heard.index("X_SYSTEMD_UNIT_ACTIVE=basic.target") < heard.index(
            "X_SYSTEMD_UNIT_ACTIVE=multi-user.target"
        )
        assert box.read("/etc/machine-id") == MACHINE_ID + "\n"
        box.wait_for(lambda: box.exists("/run/out/machine") and box.read("/run/out/machine"), what="the service's line")
        assert (box.read("/run/out/secret"), box.read("/run/out/machine")) == ("sesame\n", MACHINE_ID + "\n")
        leaked = box.read("/run/out/environment")
        assert "CREDENTIALS_DIRECTORY" not in leaked and "NOTIFY_SOCKET" not in leaked

        stat = "stat -c '%a %U' /run/credentials /run/credentials/a.service /run/credentials/a.service/secret"
        assert box.run(stat).stdout == "755 root\n500 daemon\n400 daemon\n"
        assert box.run("cat /run/credentials/a.service/secret", user="nobody").returncode == 1
        assert box.run("cat /run/credentials/@system/secret").stdout == "sesame\n"
        assert box.run("systemctl start v; systemctl is-active v").stdout == "active\n"

        # Probes of a user without privileges stay right while the manager reads everything and executes itself.
        probes = box.popen(
            "n=0; until [ -e /run/out/enough ]; do "
            "[ $(systemctl is-active a)$(systemctl is-system-running) = activerunning ] || exit 1; n=$((n+1)); "
            "[ $n = 3 ] && touch /run/out/probing; done; exit 0",
            user="nobody",
        )
        box.wait_for(lambda: box.exists("/run/out/probing"), 30.0, "the probes")
        for _ in range(3):
            box.run("systemctl daemon-reload; systemctl daemon-reexec", check=True)
        box.write("/run/out/enough", "")
        assert probes.wait(30) == 0

        heard.clear()
        box.signal(signal.SIGTERM)
        assert box.wait() == 0
        box.wait_for(lambda: heard[-1] == "EXIT_STATUS=0\nX_SYSTEMD_SHUTDOWN=poweroff", what="the engine's last news")
        assert heard[0] == "STOPPING=1\nSTATUS=Activating special unit poweroff.target..."
        assert any(message.startswith("EXTEND_TIMEOUT_USEC=") for message in heard)
        assert not any("READY" in message for message in heard)
        assert box.list_directory("/run/credentials") == ["@system", "gone.service"]

        # What an earlier life has left is gone, and the engine's socket is not.
        heard.clear()
        box.boot()
        box.wait_for(lambda: "READY=1\nSTATUS=Ready." in heard, 30.0, "the engine's news")
        assert box.list_directory("/run/credentials") == ["@system", "a.service"]


@pytest.mark.parametrize("systemd", [True, False], ids=["systemd", "ours"])
def test_the_engine_is_understood_as_systemd_understands_it(systemd: bool) -> None:
    environment = {**ENVIRONMENT, "NOTIFY_SOCKET": "/run/host/notify", "container": "docker"}
    files = {**FILES, "/etc/machine-id": ""}
    box = Box(
        "full",
        packages=("systemd", "systemd-sysv", "dbus"),
        systemd=systemd,
        files=files,
        environment=environment,
        boot=False,
    )
    with box, listening(box, "/run/host/notify") as heard:
        remove(box, "/var/lib/dbus/machine-id")
        box.boot()
        box.wait_for(lambda: "READY=1\nSTATUS=Ready." in heard, 30.0, "the engine's news")
        assert box.read("/etc/machine-id") == MACHINE_ID + "\n"
        assert (
            box.run("readlink /run/credentials/@system; cat /run/systemd/container").stdout
            == "../host/credentials\ndocker\n"
        )
        assert box.run("systemctl start v; systemctl is-active v").stdout == "active\n"
        assert "CREDENTIALS_DIRECTORY" not in box.read("/run/out/environment")


def test_where_little_can_be_written() -> None:
    # A user without privileges and a root that cannot be written, with no tmpfs on /run.
    bare = replace(PROFILES["openshift"], read_only_root=True, tmpfs=(("/tmp", "1777"),))
    secret = SECRET.replace("User=daemon\n", "").replace("/run/out", "/tmp")
    files = {**enabled("a.service", secret), "/etc/credstore/secret": "sesame\n", "/etc/machine-id": MACHINE_ID + "\n"}
    with Box(bare, files=files) as box:
        assert box.wait_booted() == "running"
        box.wait_for(lambda: box.exists("/tmp/machine") and box.read("/tmp/machine"), what="the service's line")
        assert (box.read("/tmp/secret"), box.read("/tmp/machine")) == ("sesame\n", MACHINE_ID + "\n")
        assert box.list_directory("/tmp/systemctl-1000650000/credentials") == ["a.service"]
        box.run("mkdir /tmp/systemctl-1000650000/credentials/gone.service", user="1000650000:0", check=True)
        box.run("systemctl restart a; systemctl stop a", check=True)
        assert box.list_directory("/tmp/systemctl-1000650000/credentials") == ["gone.service"]
        # What is left of a life that was killed goes with the next one.
        box.signal(signal.SIGKILL)
        box.wait()
        box.boot()
        there = "/tmp/systemctl-1000650000/credentials"
        box.wait_for(lambda: box.list_directory(there) == ["a.service"], what="its own credentials alone")
    # Only PID 1 knows an id that it cannot write down.
    with Box("readonly", files=enabled("a.service", secret), environment=ENVIRONMENT, boot=False) as box:
        box.write("/run/host/credentials/secret", "sesame\n")
        remove(box, "/etc/machine-id")
        box.boot()
        box.wait_for(lambda: box.exists("/tmp/machine") and box.read("/tmp/machine"), what="the service's line")
        assert box.read("/tmp/machine") == box.read("/run/machine-id") == MACHINE_ID + "\n"
