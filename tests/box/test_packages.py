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

import pytest

from systemctl_replacement.manager import boot_skips
from tests.box import rootfs
from tests.box.harness import Box
from tests.conformance.normalise import normalise

# These take seconds of two processors to start.
HEAVY = ("containerd.service", "docker.service", "rabbitmq-server.service")
PROPERTIES = (
    "Id,LoadState,ActiveState,SubState,Result,UnitFileState,Triggers,TriggeredBy,Listen,Accept,NAccepted,NConnections"
    ",NRefused,NRestarts,ExecMainStatus,StatusText"
)
# For actions: waiting for a condition, and timers that are due.
HELPERS = """\
await() {
    for _ in $(seq 500); do eval "$1" >/dev/null 2>&1 && return; sleep 0.02; done
    echo "in vain: $1"
}
fires() {  # a timer whose last time was two weeks ago, and that may be late by no more than a second
    for timer; do
        mkdir -p /etc/systemd/system/$timer.timer.d
        printf '[Timer]\\nRandomizedDelaySec=0\\nAccuracySec=1s\\n' >/etc/systemd/system/$timer.timer.d/now.conf
    done
    systemctl daemon-reload
    for timer; do
        systemctl stop $timer.timer
        touch -d '15 days ago' /var/lib/systemd/timers/stamp-$timer.timer
        systemctl start $timer.timer
        await "[ -n \\"\\$(find /var/lib/systemd/timers/stamp-$timer.timer -mmin -60)\\" ]"
        await "[ \\"\\$(systemctl is-active $timer.service)\\" = inactive ]"
        await "systemctl show -P LastTriggerUSec $timer.timer | grep ."
        systemctl show -p ConditionResult -p LastTriggerUSec $timer.timer | sed 's/=.* UTC$/=TIME/'
    done
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
    # Type=dbus: the start lasts until the name is there.
    Row(
        "avahi-daemon.service",
        """
        systemctl start avahi-daemon.service
        dbus-send --system --print-reply --dest=org.freedesktop.DBus / org.freedesktop.DBus.NameHasOwner \
            string:org.freedesktop.Avahi | grep -o 'boolean.*'
        systemctl stop avahi-daemon.service 2>&1
        systemctl is-active avahi-daemon.service avahi-daemon.socket
        python3 -c "
import socket
with socket.socket(socket.AF_UNIX) as client:
    client.connect('/run/avahi-daemon/socket')
    client.sendall(b'HELP\\n')
    print(client.recv(1))"
        """,
        ("avahi-daemon.socket", "avahi-daemon.service"),
        "systemctl is-active avahi-daemon.service",
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
ROTATED = "/var/log/rotated {\\n daily\\n size 1\\n rotate 1\\n}\\n"
TIMERS = (
    # The cron jobs do nothing where /run/systemd/system exists: what they did is done by the timer.
    Row(
        "logrotate.timer",
        f"""
        printf '{ROTATED}' >/etc/logrotate.d/rotated
        echo text >/var/log/rotated
        /etc/cron.daily/logrotate; echo $?; ls /var/log/rotated*
        fires logrotate
        ls /var/log/rotated*
        """,
        ("logrotate.timer", "logrotate.service"),
    ),
    Row(
        "certbot.timer",
        """
        sh -c "$(sed -n 's,^0 \\*/12 \\* \\* \\* root ,,p' /etc/cron.d/certbot)"; ls /var/log/letsencrypt
        fires certbot
        ls /var/log/letsencrypt
        """,
        ("certbot.timer", "certbot.service"),
    ),
    Row("phpsessionclean.timer", "fires phpsessionclean", ("phpsessionclean.timer", "phpsessionclean.service")),
    Row(
        "man-db.timer",
        """
        mkdir -p /var/cache/man/cat1
        touch -d '9 days ago' /var/cache/man/cat1/old.gz
        chown -R man: /var/cache/man
        /etc/cron.daily/man-db; ls /var/cache/man/cat1
        fires man-db
        ls /var/cache/man/cat1
        """,
        ("man-db.timer", "man-db.service"),
    ),
    Row(
        "apt-daily.timer",
        """
        fires apt-daily
        """,
        ("apt-daily.timer", "apt-daily.service", "apt-daily-upgrade.timer"),
    ),
    # (Checks no file system where there are no volume groups, if it may look for them at all.)
    Row("e2scrub_all.timer", "fires e2scrub_all", ("e2scrub_all.timer",)),
    Row(
        "dpkg-db-backup.timer",
        """
        /etc/cron.daily/dpkg; ls /var/backups
        systemctl start dpkg-db-backup.service; ls /var/backups
        """,
        ("dpkg-db-backup.timer", "dpkg-db-backup.service"),
    ),
    Row(
        "sysstat-collect.timer",
        """
        systemctl stop sysstat.service
        systemctl is-active sysstat-collect.timer sysstat-summary.timer
        systemctl disable --now sysstat-collect.timer 2>&1
        systemctl start sysstat.service
        systemctl is-active sysstat-collect.timer sysstat-summary.timer
        systemctl enable --now sysstat-collect.timer 2>&1
        """,
        ("sysstat-collect.timer", "sysstat-summary.timer"),
    ),
    Row(
        "list-timers",
        "systemctl list-timers --all --no-legend | awk '{print $(NF-1), $NF}' | sort",
    ),
)
# Maintainer scripts of debhelper, which call deb-systemd-helper and deb-systemd-invoke.
INSTALLED = (
    Row(
        "a timer",
        """
        rm -f /usr/sbin/policy-rc.d
        dpkg --purge --force-depends php-common >/dev/null 2>&1
        systemctl is-active phpsessionclean.timer; systemctl is-enabled phpsessionclean.timer 2>&1
        dpkg -i /debs/php-common.deb >/dev/null 2>&1; echo $?
        systemctl is-active phpsessionclean.timer; systemctl is-enabled phpsessionclean.timer
        """,
        ("phpsessionclean.timer",),
    ),
    Row(
        "a socket",
        """
        dpkg --purge oidentd >/dev/null 2>&1
        systemctl is-active oidentd.socket; systemctl is-enabled oidentd.socket 2>&1
        dpkg -i /debs/oidentd.deb >/dev/null 2>&1; echo $?
        systemctl is-enabled oidentd.socket oidentd.service
        """,
    ),
    # Configured again: restarts, and try-restart of what runs.
    Row(
        "a socket and a path of a service",
        """
        dpkg -i /debs/cups-daemon.deb >/dev/null 2>&1; echo $?
        """,
        ("cups.socket", "cups.path", "cups.service"),
        log=False,
    ),
)


# Looked at after a boot with everything.
BOOTED = (
    Row(
        "rabbitmq-server.service",
        "epmd -names | sed 's/[0-9]*$//'; cat /proc/$(systemctl show -P MainPID epmd)/comm",
        ("rabbitmq-server.service", "epmd.socket", "epmd.service"),
    ),
    # dockerd does not run here, each time for its own reasons: the socket gives up, too.
    Row(
        "docker.socket",
        """
        curl -s --unix-socket /run/docker.sock http://localhost/; echo $?
        stat -c '%F %a %U %G' /run/docker.sock
        """,
        ("docker.socket",),
    ),
    # (Which lines of the runs before `status` shows is a matter of chance under systemd.)
    Row("docker.service", "true", ("docker.service",), log=False),
    Row("failed", "systemctl is-system-running; systemctl --failed --plain --no-legend; true"),
    Row("sockets", "systemctl list-sockets --no-legend | grep -v systemd | tr -s ' '"),
)
# Why a unit has another state here after a boot, if it is not one of those that are skipped.
OTHERWISE = {
    "init.scope": "is in memory when somebody has asked for it",
    "local-fs-pre.target": "wanted by units that are skipped",
    "system-getty.slice": "only units that are skipped are in it",
    "system-modprobe.slice": "only units that are skipped are in it",
    "user.slice": "wanted by systemd-logind.service, which is skipped",
}


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
    """As cases of the conformance suite, a row that differs is tried once more: two boxes that share a machine do not
    always see things happen in the same order."""
    different = []
    for row in rows:
        real, ours = of_both(boxes, seen(row))
        if ours != real:
            real, ours = of_both(boxes, seen(row))
        if ours != real or "in vain: " in real:
            different.append(f"=== {row.name}\n--- systemd\n{real}\n--- ours\n{ours}")
    assert not different, "\n".join(different)


@pytest.mark.parametrize("rows", [SOCKETS, TIMERS], ids=["sockets", "timers"])
def test_packages_do_what_they_do_under_systemd(rows: Sequence[Row]) -> None:
    with pair() as boxes:
        compare(rows, boxes)


def package_file(name: str) -> str:
    """The file that a package of the image was installed from, as text that a box can be given."""
    found = max((rootfs.cache_directory() / "debs").glob(f"{name}_*.deb"), key=lambda path: path.stat().st_mtime)
    return found.read_bytes().decode(errors="surrogateescape")


def test_packages_are_installed_in_a_running_container() -> None:
    files = {f"/debs/{name}.deb": package_file(name) for name in ("cups-daemon", "oidentd", "php-common")}
    with pair(files=files) as boxes:
        compare(INSTALLED, boxes)


def states(box: Box) -> str:
    """The units of a box and their states, when dockerd has given up."""
    box.wait_for(lambda: box.run("systemctl is-active docker.socket").returncode, 20, "dockerd's end")
    return box.run("systemctl list-units --all --plain --no-legend | awk '{print $1, $2, $3, $4}'", check=True).stdout


def test_a_boot_with_everything_enabled() -> None:
    with pair(masked=()) as boxes:
        real, ours = ({line.split()[0]: line for line in text.splitlines()} for text in of_both(boxes, states))
        skips = boot_skips.read(str(rootfs.REPOSITORY / "units"), "", print, frozenset())
        different = {unit for unit in real.keys() | ours.keys() if real.get(unit) != ours.get(unit)}
        different = {unit for unit in different if not skips.reason((unit,))}
        assert {unit: (real.get(unit), ours.get(unit)) for unit in different - OTHERWISE.keys()} == {}
        assert different == OTHERWISE.keys()
        compare(BOOTED, boxes)
