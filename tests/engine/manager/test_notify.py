"""sd_notify(3) with real processes: the fd store, the watchdog, and NotifyAccess=."""

from __future__ import annotations

import os
import sys

import psutil
import pytest

from tests.engine.manager.engine import Engine, wait_for

KEEPER = """
import os, socket, sys, time

notes = open(sys.argv[1], "a", buffering=1)
talk = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
talk.connect(os.environ["NOTIFY_SOCKET"])
if "LISTEN_FDS" in os.environ:
    assert os.environ["LISTEN_PID"] == str(os.getpid())
    names = os.environ["LISTEN_FDNAMES"].split(":")
    content = os.pread(3 + names.index("memory"), 100, 0).decode()
    notes.write(f"got {os.environ['LISTEN_FDS']} {','.join(names)} {content}\\n")
else:
    keep = os.memfd_create("keep")
    os.write(keep, b"kept")
    near, far = socket.socketpair()
    socket.send_fds(talk, [b"FDSTORE=1\\nFDNAME=memory"], [keep])
    socket.send_fds(talk, [b"FDSTORE=1\\nFDNAME=bad:name\\nFDPOLL=0"], [near.fileno()])
    socket.send_fds(talk, [b"FDSTORE=1\\nFDNAME=third"], [keep])
    notes.write("stored\\n")
talk.send(b"READY=1")
time.sleep(1000)
"""
UNIT = "[Service]\nType=notify\nFileDescriptorStoreMax=2\nExecStart=@PYTHON@ -IS @ROOT@/keeper.py @ROOT@/notes\n"


def keeper() -> Engine:
    engine = Engine(boot=("basic.target",))
    (engine.root / "keeper.py").write_text(KEEPER)
    engine.write("x.service", UNIT.replace("@PYTHON@", sys.executable))
    return engine


def stored(engine: Engine) -> int:
    return int(engine.show("x.service")["NFileDescriptorStore"])


@pytest.mark.skipif(sys.version_info < (3, 9), reason="socket.send_fds")
@pytest.mark.parametrize("meanwhile", ["nothing", "reexecution", "supervisor killed", "both"])
def test_stored_descriptors_come_back(meanwhile: str) -> None:
    with keeper() as engine:
        assert engine.run("start", "x.service") == "done"
        wait_for(lambda: stored(engine) == 2, "two descriptors, the third is one too many")
        if meanwhile in ("supervisor killed", "both"):
            engine.titled("supervisor: x.service").kill()
            wait_for(lambda: engine.call("Processes", name="x.service")["degraded"], "the death to be noticed")
        if meanwhile in ("reexecution", "both"):
            engine.reexecute()
        assert stored(engine) == 2
        assert engine.run("restart", "x.service") == "done"
        assert engine.noted() == ["stored", "got 2 stored,memory kept"]
        assert engine.run("stop", "x.service") == "done"
        assert stored(engine) == 0


def test_a_descriptor_whose_peer_hangs_up_is_dropped() -> None:
    with keeper() as engine:
        script = KEEPER.replace("\\nFDPOLL=0", "").replace("time.sleep(1000)", "far.close() or time.sleep(1000)")
        (engine.root / "keeper.py").write_text(script)
        assert engine.run("start", "x.service") == "done"
        wait_for(lambda: stored(engine) == 1, "the socket to be dropped")


def test_watchdog_of_a_real_service() -> None:
    say = "echo $$WATCHDOG_USEC $$((WATCHDOG_PID == $$$$)) >>@ROOT@/notes; exec sleep 1000"
    unit = f"[Service]\nType=exec\nWatchdogSec=300ms\nRestart=on-watchdog\nExecStart=/bin/sh -c '{say}'\n"
    with Engine({"x.service": unit}, boot=("x.service",)) as engine:
        wait_for(lambda: engine.show("x.service")["NRestarts"] >= 1, "the watchdog")
        assert engine.noted()[0] == "300000 1"
        engine.run("stop", "x.service")


def test_only_the_main_process_may_speak_unless_told_otherwise() -> None:
    say = f"{sys.executable} -IS @ROOT@/say.py"
    script = (
        "import os, socket\ns = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\n"
        "s.connect(os.environ['NOTIFY_SOCKET'])\ns.send(b'STATUS=heard')\n"
    )
    unit = f"[Service]\nNotifyAccess={{}}\nExecStart=/bin/sh -c '{say}; echo said >>@ROOT@/notes; exec sleep 1000'\n"
    for access, expected in (("main", ""), ("all", "heard")):
        engine = Engine({"x.service": unit.format(access)}, boot=("basic.target",))
        (engine.root / "say.py").write_text(script)
        with engine:
            assert engine.run("start", "x.service") == "done"
            wait_for(lambda engine=engine: engine.noted() == ["said"], "the service to speak")  # type: ignore[misc]
            main = psutil.Process(engine.show("x.service")["MainPID"])
            wait_for(lambda main=main: main.name() == "sleep", "the next program")  # type: ignore[misc]
            assert engine.show("x.service")["StatusText"] == expected


@pytest.mark.parametrize("access", ["main", "exec", "all"])
def test_who_may_speak_after_the_supervisor_was_killed(access: str) -> None:
    say = f"{sys.executable} -IS @ROOT@/say.py"
    script = (
        "import os, socket, sys\ns = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\n"
        "s.connect(os.environ['NOTIFY_SOCKET'])\ns.send(f'STATUS={sys.argv[1]}'.encode())\n"
    )
    wait = "while ! test -e @ROOT@/go; do sleep 0.02; done"
    run = f"{wait}; {say} child; echo said >>@ROOT@/notes; exec {say} main"
    unit = f"[Service]\nRemainAfterExit=yes\nNotifyAccess={access}\nExecStart=/bin/sh -c '{run}'\n"
    engine = Engine({"x.service": unit}, boot=("basic.target",))
    (engine.root / "say.py").write_text(script)
    with engine:
        assert engine.run("start", "x.service") == "done"
        engine.titled("supervisor: x.service").kill()
        wait_for(lambda: engine.call("Processes", name="x.service")["degraded"], "the death to be noticed")
        engine.titled("supervisor: x.service")
        (engine.root / "go").touch()
        wait_for(lambda: engine.show("x.service")["StatusText"] == "main", "the main process to be heard")
        assert engine.halt() == 0
        heard = [line for line in engine.text().split("\n") if "Got notification" in line or "Cannot find unit" in line]
        assert bool(heard) == (access != "all"), "the child is heard if all may speak"


def test_a_umask_from_outside_keeps_no_service_from_its_notify_socket() -> None:
    unit = "[Service]\nNotifyAccess=all\nExecStart=/bin/sleep 1000\n"
    before = os.umask(0o077)
    try:
        with Engine({"x.service": unit}, boot=("x.service",)) as engine:
            engine.wait_sub("x.service", "running")
            (directory,) = engine.root.rglob("notify")
            modes = {path.name: oct(path.stat().st_mode & 0o777) for path in (directory, directory.parent)}
            assert modes == {"notify": "0o755", "systemd": "0o755"}
    finally:
        os.umask(before)
