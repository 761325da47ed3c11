"""What Debian's packages bring besides services, beside real systemd: sockets, timers and paths, at work.

Both sides boot the same image, real systemd with all capabilities, ours with those of a container. Each row of the
tables below is something that a person does with a package; what is looked at afterwards must be the same.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Optional

from tests.box import rootfs
from tests.box.harness import Box
from tests.conformance.normalise import normalise

# These take seconds of two processors to start.
HEAVY = ("containerd.service", "docker.service", "rabbitmq-server.service")
PROPERTIES = (
    "Id,LoadState,ActiveState,SubState,Result,UnitFileState,Triggers,TriggeredBy,Listen,Accept,NAccepted,NConnections"
    ",NRefused,NRestarts,ExecMainStatus,StatusText"
)
# For actions: waiting for a condition.
HELPERS = """\
await() {
    for _ in $(seq 500); do eval "$1" >/dev/null 2>&1 && return; sleep 0.02; done
    echo "in vain: $1"
}
"""


@dataclass(frozen=True)
class Row:
    """What somebody does with a package, and the units that are looked at then.

    action  a shell script; its output is compared
    until   waited for before the units are looked at
    log     whether the log lines about the units are compared
    """

    name: str
    action: str
    units: Sequence[str] = ()
    until: str = "true"
    log: bool = True


# As Debian's package had it for many years.
SSH_SOCKET = (
    "[Unit]\nConflicts=ssh.service\n[Socket]\nListenStream=22\nAccept=yes\n[Install]\nWantedBy=sockets.target\n"
)
SSH_PER_CONNECTION = """\
[Unit]
Description=OpenBSD Secure Shell server per-connection daemon
[Service]
EnvironmentFile=-/etc/default/ssh
ExecStart=-/usr/sbin/sshd -i $SSHD_OPTS
StandardInput=socket
RuntimeDirectory=sshd
"""
SOCKETS = (
    Row(
        "ssh.socket",
        """
    systemctl disable --now ssh.service 2>&1
    systemctl enable --now ssh.socket 2>&1
    systemctl is-active ssh.socket ssh.service
    mkdir -p /root/.ssh
    ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519
    cp /root/.ssh/id_ed25519.pub /root/.ssh/authorized_keys
    ssh -q -o StrictHostKeyChecking=no localhost 'echo connected'
    systemctl is-active ssh.socket ssh.service
    # The service restarts, the socket stays; a stop of the service alone is told that it can come again.
    systemctl restart ssh.service && ssh -q -o StrictHostKeyChecking=no localhost 'echo connected again'
    systemctl stop ssh.service 2>&1
    systemctl is-active ssh.socket ssh.service
    ssh -q -o StrictHostKeyChecking=no 127.0.0.1 'echo connected once more'
    """,
        ("ssh.socket", "ssh.service"),
    ),
    Row(
        "ssh@.service",
        f"""
        systemctl stop ssh.socket ssh.service
        echo '{SSH_SOCKET}' >/etc/systemd/system/ssh.socket
        echo '{SSH_PER_CONNECTION}' >/etc/systemd/system/ssh@.service
        systemctl daemon-reload
        systemctl start ssh.socket
        ssh -q -o StrictHostKeyChecking=no localhost '
            systemctl list-units --plain --no-legend "ssh@*"
            systemctl show -p NAccepted,NConnections ssh.socket
            systemctl status "ssh@*" | head -n 3' | sed -E 's/::1(]?):[0-9]{{3,}}/::1\\1:PORT/g'
        await 'systemctl show -P NConnections ssh.socket | grep -x 0'
        """,
        ("ssh.socket",),
    ),
    Row(
        "dbus.socket",
        """
        systemctl stop avahi-daemon.service avahi-daemon.socket dbus.service dbus.socket 2>&1
        systemctl is-active dbus.service dbus.socket
        systemctl start dbus.socket
        systemctl is-active dbus.service dbus.socket
        dbus-send --system --print-reply --dest=org.freedesktop.DBus / org.freedesktop.DBus.GetId | grep -o string
        """,
        ("dbus.socket", "dbus.service"),
        "systemctl is-active dbus.service",
    ),
    Row(
        "avahi-daemon.service",
        """
        systemctl stop avahi-daemon.service avahi-daemon.socket 2>&1
        systemctl is-active avahi-daemon.service
        dbus-send --system --print-reply --dest=org.freedesktop.Avahi / org.freedesktop.Avahi.Server.GetHostName |
            grep -o string
        systemctl is-active avahi-daemon.service
        systemctl restart avahi-daemon.service
        dbus-send --system --print-reply --dest=org.freedesktop.DBus / org.freedesktop.DBus.NameHasOwner \\
            string:org.freedesktop.Avahi | grep boolean
        """,
        ("avahi-daemon.service",),
    ),
    Row(
        "cups.socket",
        """
        systemctl stop cups.service 2>&1
        systemctl is-active cups.service cups.socket cups.path
        systemctl start cups.socket
        systemctl is-active cups.service cups.socket cups.path
        curl -s --unix-socket /run/cups/cups.sock http://localhost/ | grep -o '<TITLE>.*</TITLE>'
        """,
        ("cups.socket", "cups.service"),
        "systemctl is-active cups.service",
    ),
    Row(
        "cups.path",
        """
        systemctl stop cups.service cups.path 2>&1
        rm -f /var/cache/cups/org.cups.cupsd
        systemctl start cups.path
        systemctl is-active cups.service cups.socket cups.path
        touch /var/cache/cups/org.cups.cupsd
        await 'systemctl is-active cups.service'
        systemctl is-active cups.service cups.socket cups.path
        systemctl stop cups.service 2>&1
        """,
        ("cups.path", "cups.socket", "cups.service"),
    ),
    Row(
        "rpcbind.socket",
        """
        systemctl stop rpcbind.service rpcbind.socket 2>&1
        rpcinfo -p 2>&1
        systemctl start rpcbind.socket
        systemctl is-active rpcbind.service rpcbind.socket
        rpcinfo
        """,
        ("rpcbind.socket", "rpcbind.service"),
        "systemctl is-active rpcbind.service",
    ),
    # Accept=yes, and its Conflicts= with the service of the same name.
    Row(
        "oidentd.socket",
        """
        ask() {
            python3 -c "
import socket
for host in '::1', '127.0.0.1':
    with socket.create_connection((host, 113)) as client:
        client.sendall(b'22,113\\r\\n')
        print(client.recv(99))"
        }
        systemctl is-active oidentd.service oidentd.socket
        ask
        await 'systemctl show -P NConnections oidentd.socket | grep -x 0'
        systemctl show -p NAccepted oidentd.socket
        systemctl start oidentd.service
        systemctl is-active oidentd.service oidentd.socket
        systemctl stop oidentd.service
        systemctl start oidentd.socket
        ask
        await 'systemctl show -P NConnections oidentd.socket | grep -x 0'
        systemctl list-units --plain --no-legend 'oidentd@*'
        """,
        ("oidentd.socket", "oidentd.service"),
    ),
    Row(
        "epmd.socket",
        """
        systemctl stop epmd.service epmd.socket 2>&1
        systemctl start epmd.socket
        systemctl is-active epmd.service epmd.socket
        epmd -names
        """,
        ("epmd.socket", "epmd.service"),
        "systemctl is-active epmd.service",
    ),
)


@contextlib.contextmanager
def pair(masked: Sequence[str] = HEAVY, files: Optional[Mapping[str, str]] = None) -> Iterator[tuple[Box, Box]]:
    """Both sides, booted: real systemd, and ours."""
    files = {"/helpers": HELPERS, **{f"/etc/systemd/system/{unit}": "" for unit in masked}, **(files or {})}
    real, ours = (Box(packages=rootfs.ACTIVATED, systemd=systemd, files=files) for systemd in (True, False))
    with real, ours:
        of_both((real, ours), lambda box: box.wait_booted(120))  # RabbitMQ alone needs 7 s of a processor
        yield real, ours


def of_both(boxes: tuple[Box, Box], look: Callable[[Box], str]) -> list[str]:
    """What is seen in each of the boxes, at the same time."""
    with ThreadPoolExecutor(len(boxes)) as pool:
        return list(pool.map(look, boxes))


def seen(row: Row) -> Callable[[Box], str]:
    """What a row shows in a box: the output of the action, then of each unit its properties and the log about it."""

    def look(box: Box) -> str:
        script = f". /helpers\n{row.action}\nawait {row.until!r}\n"
        for unit in row.units:
            script += f"systemctl show -p {PROPERTIES} {unit}\n"
            if row.log:
                script += f"systemctl status --lines=100 {unit} | sed -n 's/^.* systemd\\[1\\]: //p'\n"
        return normalise(box.run(["/bin/bash", "-c", script], timeout=120).stdout)

    return look


def compare(rows: Sequence[Row], boxes: tuple[Box, Box]) -> None:
    different = []
    for row in rows:
        real, ours = of_both(boxes, seen(row))
        if ours != real or "in vain: " in real:
            different.append(f"=== {row.name}\n--- systemd\n{real}\n--- ours\n{ours}")
    assert not different, "\n".join(different)


def test_packages_do_what_they_do_under_systemd() -> None:
    with pair() as boxes:
        compare(SOCKETS, boxes)
