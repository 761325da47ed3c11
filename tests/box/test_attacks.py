"""Attacks by strangers and services: PID 1 goes on answering, and nobody gains anything."""

from __future__ import annotations

import pytest

from tests.box.harness import Box

UNIT = {"/etc/systemd/system/a.service": "[Service]\nExecStart=/bin/sleep infinity\n"}
STRANGER = "1000:1000"

# Asks for far more than anybody needs, with each method that takes a list.
GREEDY = """
import json, socket, sys
for method, parameter, item, more in (
    ("States", "names", "u%d.service", {}),
    ("Show", "names", "a.service", {"properties": None}),
    ("Units", "patterns", "*q*%d", {}),
    ("WaitInactive", "names", "u%d.service", {}),
):
    names = [item.replace("%d", str(number)) for number in range(2000)]
    request = {"method": "io.systemctl-replacement.Manager." + method, "parameters": {parameter: names, **more}}
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(5)
    client.connect("/run/systemd/systemctl-replacement.socket")
    client.sendall(json.dumps(request).encode() + b"\\0")
    print(b"InvalidParameter" in client.recv(65536))
"""

# Asks the same over and over on as many connections as a user may have, and comes back when it is turned away.
RESTLESS = """
import json, selectors, socket
patterns = ["*q*%d" % number for number in range(1024)]
request = {"method": "io.systemctl-replacement.Manager.Units", "parameters": {"patterns": patterns}}
data = json.dumps(request).encode() + b"\\0"
clients = selectors.DefaultSelector()
while True:
    while len(clients.get_map()) < 60:
        client = socket.socket(socket.AF_UNIX)
        client.connect("/run/systemd/systemctl-replacement.socket")
        client.sendall(data)
        clients.register(client, selectors.EVENT_READ)
    for key, _ in clients.select():
        client = key.fileobj
        try:
            if client.recv(1 << 20).endswith(b"\\0"):
                client.sendall(data)
                continue
        except OSError:
            pass
        clients.unregister(client)
        client.close()
"""

# Does nothing but connect.
KNOCKING = """
import socket
while True:
    client = socket.socket(socket.AF_UNIX)
    client.connect("/run/systemd/systemctl-replacement.socket")
    client.close()
"""

# Pings its watchdog all the time.
WATCHED = """
import os, socket, time
manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
manager.connect(os.environ["NOTIFY_SOCKET"])
manager.send(b"READY=1")
while True:
    manager.send(b"WATCHDOG=1")
    time.sleep(0.2)
"""

# Listens where root's manager would be if /run could not be written, and answers nobody.
SQUATTER = """
import os, socket, time
os.mkdir("/tmp/systemctl-0", 0o777)
os.makedirs("/tmp/systemctl-0/log")
os.mkfifo("/tmp/systemctl-0/log/a.service.journal.jsonl")
listener = socket.socket(socket.AF_UNIX)
listener.bind("/tmp/systemctl-0/systemctl-replacement.socket")
os.chmod("/tmp/systemctl-0/systemctl-replacement.socket", 0o777)
listener.listen(0)
waiting = [socket.socket(socket.AF_UNIX) for _ in range(4)]
for client in waiting:
    client.setblocking(False)
    try:
        client.connect("/tmp/systemctl-0/systemctl-replacement.socket")
    except BlockingIOError:
        pass
print("ready", flush=True)
time.sleep(1000)
"""


def test_strangers_keep_nobody_from_being_served() -> None:
    service = "[Service]\nType=notify\nWatchdogSec=10\nExecStart=/usr/bin/python3 /watched.py\n"
    files = {"/restless.py": RESTLESS, "/knocking.py": KNOCKING, "/watched.py": WATCHED}
    with Box(files={**UNIT, **files, "/etc/systemd/system/w.service": service}) as box:
        box.wait_booted()
        box.run("systemctl start w", check=True)
        attackers = [box.popen(["python3", program], user=STRANGER) for program in ("/restless.py", "/knocking.py")]
        try:
            for program in ("/restless.py", "/knocking.py"):
                box.wait_for(lambda program=program: box.find(program), what=program)  # type: ignore[misc]
            for _ in range(10):
                assert box.run("systemctl start a && systemctl stop a", timeout=60).returncode == 0
                assert box.run("systemctl is-active w", timeout=60).stdout == "active\n"
            box.run("kill -TERM 1")
            assert box.wait(60) == 0
            assert "watchdog" not in box.console.lower()
        finally:
            for attacker in attackers:
                attacker.kill()
                attacker.wait()


def test_a_stranger_cannot_keep_the_manager_busy() -> None:
    with Box(files={**UNIT, "/greedy.py": GREEDY}) as box:
        box.wait_booted()
        assert box.run(["python3", "/greedy.py"], user=STRANGER, timeout=30).stdout == "True\n" * 4
        assert box.run("systemctl is-active a", timeout=2).stdout == "inactive\n"


def test_a_name_that_is_no_text_is_no_defect_of_ours() -> None:
    request = '{"method":"io.systemctl-replacement.Manager.Units","parameters":{"patterns":["\\\\ud800"]}}'
    program = (
        "import socket; s = socket.socket(socket.AF_UNIX); s.connect('/run/systemd/systemctl-replacement.socket');"
        f"s.sendall(b'{request}\\0'); print(s.recv(65536))"
    )
    with Box() as box:
        box.wait_booted()
        assert '"units":[]' in box.run(["python3", "-c", program], user=STRANGER).stdout
        assert "Traceback" not in box.console


@pytest.mark.parametrize("verb", ["is-active a", "status a", "start a", "is-system-running"])
def test_root_has_nothing_to_do_with_what_others_leave_in_tmp(verb: str) -> None:
    files = {**UNIT, "/squatter.py": SQUATTER}
    with Box(files=files, init=["sleep", "infinity"]) as box:
        squatter = box.popen(["python3", "/squatter.py"], user=STRANGER)
        try:
            box.wait_for(lambda: box.find("/squatter.py") and box.exists("/tmp/systemctl-0/log"), what="the squatter")
            box.run(f"systemctl {verb}", timeout=10)
        finally:
            squatter.terminate()
            squatter.wait()


def test_a_service_cannot_lead_us_to_the_directories_of_others() -> None:
    service = "[Service]\nType=oneshot\nUser=daemon\nStateDirectory=foo foo/bar\nExecStart=/bin/true\n"
    with Box(files={"/etc/systemd/system/x.service": service, "/etc/victim/secret": ""}) as box:
        box.wait_booted()
        box.run("systemctl start x", check=True)
        box.run("rmdir /var/lib/foo/bar && ln -s /etc/victim /var/lib/foo/bar", user="daemon", check=True)
        assert box.run("systemctl start x").returncode == 1
        assert box.run("stat -c %U /etc/victim /etc/victim/secret").stdout == "root\nroot\n"


def test_a_runtime_directory_that_is_removed_comes_back() -> None:
    with Box(files=UNIT) as box:
        box.wait_booted()
        box.run("systemctl start a", check=True)
        main = box.run("systemctl show -P MainPID a").stdout
        box.run("rm -rf /run/systemd")
        box.wait_for(lambda: box.exists("/run/systemd/systemctl-replacement.socket"), what="the control socket")
        assert box.exists("/run/systemd/system")
        assert box.run("systemctl show -P MainPID a").stdout == main
        # No second manager was started because of it.
        assert box.run("systemctl restart a").returncode == 0
        assert box.run("systemctl is-system-running").stdout == "running\n"
        box.run("kill -TERM 1")
        assert box.wait() == 0


def test_a_unit_file_that_may_not_be_read_costs_only_itself() -> None:
    unit = "[Service]\nExecStart=/bin/sleep infinity\n"
    files = {"/etc/systemd/system/a.service": unit, "/etc/systemd/system/secret.service": unit}
    with Box("openshift", files=files, boot=False) as box:
        box.write("/etc/systemd/system/secret.service", unit, mode=0o600)
        box.boot()
        box.wait_booted()
        assert box.run("systemctl start a").returncode == 0
        assert box.run("systemctl start secret").returncode == 5
        # In systemd's words, which name the file because there is no line to read.
        box.wait_said("Failed to open /etc/systemd/system/secret.service: Permission denied")
        assert box.run("systemctl show -P LoadState secret").stdout == "not-found\n"


def test_a_fifo_for_an_environment_file_keeps_only_its_unit_waiting() -> None:
    unit = "[Service]\nType=oneshot\nEnvironmentFile=/run/fifo\nExecStart=/bin/sh -c 'echo $WORD > /run/said'\n"
    with Box(files={**UNIT, "/etc/systemd/system/f.service": unit}) as box:
        box.wait_booted()
        box.run("mkfifo /run/fifo && systemctl start --no-block f", check=True)
        assert box.run("systemctl start a", timeout=10).returncode == 0
        assert box.run("systemctl is-active f").stdout == "activating\n"
        box.run("echo WORD=heard > /run/fifo", check=True)
        box.wait_for(lambda: box.run("systemctl is-active f").stdout == "inactive\n", what="the end of f")
        assert box.run("cat /run/said").stdout == "heard\n"
        box.run("systemctl start --no-block f", check=True)
        assert box.run("systemctl stop f", timeout=10).returncode == 0
