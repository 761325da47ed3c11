"""Type=dbus with a real message bus below the engine's own directory."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests.engine.manager import bus
from tests.engine.manager.engine import Engine, alive, wait_for

pytestmark = pytest.mark.skipif(shutil.which("dbus-daemon") is None, reason="there is no dbus-daemon")


@contextmanager
def engine_with(*options: str, **units: str) -> Iterator[Engine]:
    named = {f"{name}.service": text for name, text in units.items()}
    engine = Engine({"dbus.service": bus.BUS, **named}, boot=("basic.target", *options))
    bus.write_files(engine)
    with engine:
        yield engine


BUS_ITSELF = ("--dest=org.freedesktop.DBus", "/org/freedesktop/DBus")
MANAGER = "--dest=org.freedesktop.systemd1"
CONTINUED = "The process that watches the bus was stopped while it is needed: continuing it."


def watcher(engine: Engine) -> psutil.Process:
    return engine.titled("bus")


def test_a_start_ends_when_the_name_is_taken() -> None:
    with engine_with(a=bus.owner(take="take")) as engine:
        bus.start_bus(engine)
        engine.enqueue("start", "a.service")
        engine.wait_sub("a.service", "start")
        wait_for(lambda: engine.show("a.service")["MainPID"], "the main process")
        assert engine.sub("a.service") == "start"
        (engine.root / "take").touch()
        engine.wait_sub("a.service", "running")
        print(engine.text())


def started(engine: Engine, name: str = "a.service") -> None:
    engine.enqueue("start", name)
    wait_for(lambda: engine.show(name)["MainPID"], "the main process")


def seen(engine: Engine, name: str = "a.service") -> tuple[str, str]:
    """The sub-state and the result."""
    return engine.sub(name), engine.show(name)["Result"]


def touch(engine: Engine, name: str) -> None:
    (engine.root / name).touch()


def test_a_name_that_is_never_taken() -> None:
    with engine_with(a=bus.owner(take="never", more="TimeoutStartSec=300ms\n")) as engine:
        bus.start_bus(engine)
        assert engine.run("start", "a.service") == "failed"
        assert seen(engine) == ("failed", "timeout")


def test_a_name_that_is_lost_ends_the_service() -> None:
    """Well, unless it remains after its exit; and it can come back."""
    units = {
        "a": bus.owner(drop="drop"),
        "b": bus.owner(drop="drop", name="org.example.Two", more="RemainAfterExit=yes\n"),
        "c": bus.owner(drop="drop", name="org.example.Three", more="Restart=always\nRestartSec=100s\n"),
    }
    with engine_with(**units) as engine:
        bus.start_bus(engine)
        for name in units:
            assert engine.run("start", f"{name}.service") == "done"
            assert engine.sub(f"{name}.service") == "running"
        touch(engine, "drop")
        engine.wait_sub("a.service", "dead")
        engine.wait_sub("b.service", "exited")
        engine.wait_sub("c.service", "auto-restart")
        assert seen(engine) == ("dead", "success")
        (engine.root / "drop").unlink()
        assert engine.run("start", "a.service") == "done"
        assert engine.sub("a.service") == "running"


def test_a_name_that_somebody_else_has() -> None:
    """Under a service that is loaded only now it counts as taken: nobody looks whose it is. What is known already does
    not count."""
    units = {
        "holder": bus.owner().replace(f"Type=dbus\nBusName={bus.NAME}\n", ""),
        "a": bus.owner(more="TimeoutStartSec=300ms\n"),
        "z": "[Unit]\nAfter=a.service\n[Service]\nExecStart=sleep 1000\n",
    }
    with engine_with(**units) as engine:
        bus.start_bus(engine)
        assert engine.run("start", "holder.service") == "done"
        wait_for(lambda: engine.noted() == ["RequestName 1"], "the name to be taken")
        assert engine.run("start", "a.service") == "done"
        assert engine.sub("a.service") == "running"
        assert engine.run("stop", "a.service") == "done"
        assert engine.run("start", "z.service") == "done"  # it keeps the other in memory
        assert engine.run("restart", "a.service") == "failed"
        assert seen(engine) == ("failed", "timeout")
        assert engine.sub("holder.service") == "running"


def test_two_services_with_one_name() -> None:
    with engine_with(a=bus.owner(), b=bus.owner()) as engine:
        bus.start_bus(engine)
        assert engine.run("start", "a.service") == "done"
        assert engine.show("b.service")["LoadState"] == "error"
        engine.call("Reload")
        assert engine.show("b.service")["LoadState"] == "error"
        assert engine.run("stop", "a.service") == "done"
        wait_for(lambda: engine.show("b.service")["LoadState"] == "loaded", "the other one to be forgotten")
        assert engine.run("start", "b.service") == "done"


def test_without_a_bus() -> None:
    with engine_with(a=bus.owner(take="never")) as engine:
        assert engine.run("start", "a.service") == "done"
        assert engine.sub("a.service") == "running"
        assert not [process for process in engine.processes() if process.cmdline()[:1] == ["bus"]]
        # What nobody has seen taken cannot be lost either.
        bus.start_bus(engine)
        wait_for(lambda: watcher(engine), "somebody who watches")
        assert engine.run("restart", "dbus.service") == "done"
        assert engine.sub("a.service") == "running"


def test_a_bus_that_nobody_listens_at() -> None:
    with engine_with(a=bus.owner(take="never")) as engine:
        bus.start_bus(engine)
        engine.run("stop", "dbus.service")
        touch(engine, "run/dbus/system_bus_socket")
        assert engine.run("start", "a.service") == "done"
        assert engine.sub("a.service") == "running"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_the_watcher_is_killed_or_stopped(number: int) -> None:
    with engine_with(a=bus.owner(take="take", drop="drop")) as engine:
        bus.start_bus(engine)
        watcher(engine)
        started(engine)
        first = watcher(engine)
        os.kill(first.pid, number)
        if number == signal.SIGKILL:
            wait_for(lambda: not alive(first), "the end of the watcher")
        touch(engine, "take")
        engine.wait_sub("a.service", "running")
        second = watcher(engine)
        assert (second.pid == first.pid) == (number == signal.SIGSTOP)
        os.kill(second.pid, number)
        touch(engine, "drop")
        engine.wait_sub("a.service", "dead")


def test_the_watcher_is_stopped_while_nobody_waits_for_it() -> None:
    """It is continued, also by a manager that has not seen it, and killed if that never ends."""
    with engine_with() as engine:
        bus.start_bus(engine)
        first = watcher(engine)
        assert engine.process is not None

        def is_continued() -> bool:
            return CONTINUED in engine.text() and first.status() != psutil.STATUS_STOPPED

        first.suspend()
        wait_for(is_continued, "it to be continued")
        os.kill(engine.process.pid, signal.SIGSTOP)
        first.suspend()
        wait_for(lambda: first.status() == psutil.STATUS_STOPPED, "it to be stopped")
        os.kill(engine.process.pid, signal.SIGCONT)
        engine.reexecute()
        wait_for(is_continued, "it to be continued")

        def is_gone() -> bool:
            try:
                first.suspend()
            except psutil.NoSuchProcess:
                return True
            return False

        wait_for(is_gone, "its end")
        wait_for(lambda: bus.send(engine, MANAGER, "/", "a.B.C").stderr, "another one")
        assert watcher(engine).pid != first.pid


def test_the_watcher_is_killed_in_every_state() -> None:
    """Nothing comes of it: the service goes through its states as if nobody had."""
    phases = ("ExecStartPre", "ExecStartPost", "ExecReload", "ExecStop", "ExecStopPost")
    gates = "".join(f"{phase}=sh -c 'until test -e @ROOT@/{phase}; do sleep 0.02; done'\n" for phase in phases)
    with engine_with(a=bus.owner(take="take", more=gates)) as engine:
        bus.start_bus(engine)

        def passes(sub: str, gate: str) -> None:
            engine.wait_sub("a.service", sub)
            watcher(engine).kill()
            touch(engine, gate)

        engine.enqueue("start", "a.service")
        for sub, gate in (("start-pre", "ExecStartPre"), ("start", "take"), ("start-post", "ExecStartPost")):
            passes(sub, gate)
        engine.wait_sub("a.service", "running")
        engine.enqueue("reload", "a.service")
        passes("reload", "ExecReload")
        engine.wait_sub("a.service", "running")
        engine.enqueue("stop", "a.service")
        for sub, gate in (("stop", "ExecStop"), ("stop-post", "ExecStopPost")):
            passes(sub, gate)
        engine.wait_sub("a.service", "dead")
        assert seen(engine) == ("dead", "success")
        assert "Traceback" not in engine.text()


def test_the_bus_is_killed_and_comes_back() -> None:
    units = {"a": bus.owner(take="take"), "b": bus.owner(name="org.example.Two")}
    with engine_with(**units) as engine:
        engine.write("dbus.service", bus.BUS + "Restart=always\nRestartSec=100ms\n")
        engine.call("Reload")
        bus.start_bus(engine)
        assert engine.run("start", "b.service") == "done"
        started(engine)
        main, before = engine.show("dbus.service")["MainPID"], watcher(engine)
        os.kill(main, signal.SIGKILL)
        wait_for(lambda: engine.show("dbus.service")["MainPID"] not in (0, main), "another bus")
        wait_for(lambda: not alive(before), "the end of the watcher")
        engine.wait_sub("b.service", "dead")  # its name is gone with the bus
        assert engine.sub("a.service") == "start"
        touch(engine, "take")
        engine.wait_sub("a.service", "running")


def test_a_bus_that_is_not_ours() -> None:
    """A unit of another name: what happens on it is seen, also when it comes back. It starts no units."""
    with engine_with(other=bus.BUS, a=bus.owner(more="RemainAfterExit=yes\n")) as engine:
        assert engine.run("start", "other.service") == "done"
        assert engine.run("start", "a.service") == "done"
        assert engine.sub("a.service") == "running"
        asked = bus.send(engine, *BUS_ITSELF, "org.freedesktop.DBus.ListNames")
        assert bus.NAME in asked.stdout
        assert "org.freedesktop.systemd1" not in asked.stdout
        before = watcher(engine)
        assert engine.run("stop", "other.service") == "done"
        wait_for(lambda: not alive(before), "the end of the watcher")
        assert engine.run("start", "other.service") == "done"
        assert watcher(engine).pid != before.pid


@pytest.mark.parametrize("is_reexecuted", [False, True])
def test_a_bus_that_is_not_ours_is_killed_while_a_name_is_awaited(is_reexecuted: bool) -> None:
    """It leaves its socket. Whoever waits does not count as started, but goes on waiting until it is there again."""
    options = ("--log-level=debug", "--show-status=full")
    with engine_with(*options, other=bus.BUS, a=bus.owner(take="take")) as engine:
        assert engine.run("start", "other.service") == "done"
        started(engine)
        before = watcher(engine)

        def has_watcher() -> bool:
            """Beside dbus-send itself."""
            return bus.send(engine, *BUS_ITSELF, "org.freedesktop.DBus.ListNames").stdout.count('":1.') == 2

        wait_for(has_watcher, "the watcher on the bus")
        engine.titled("dbus-daemon").kill()
        wait_for(lambda: not alive(before), "the end of the watcher")
        engine.wait_sub("other.service", "failed")
        assert bus.socket_of(engine).exists()
        tried = engine.text().count("Cannot reach the bus: ")
        if is_reexecuted:
            engine.reexecute()
        wait_for(lambda: engine.text().count("Cannot reach the bus: ") > tried, "somebody who looks for the bus")
        assert engine.sub("a.service") == "start"
        assert engine.run("start", "other.service") == "done"
        touch(engine, "take")
        engine.wait_sub("a.service", "running")


def test_reexecution_while_a_name_is_awaited_and_when_it_is_taken() -> None:
    with engine_with(a=bus.owner(take="take", drop="drop")) as engine:
        bus.start_bus(engine)
        started(engine)
        first = watcher(engine)
        engine.reexecute()
        assert engine.sub("a.service") == "start"
        touch(engine, "take")
        engine.wait_sub("a.service", "running")
        engine.reexecute()
        assert engine.sub("a.service") == "running"
        assert watcher(engine).pid == first.pid
        touch(engine, "drop")
        engine.wait_sub("a.service", "dead")


def test_the_watcher_has_no_privileges() -> None:
    with engine_with() as engine:
        bus.start_bus(engine)
        process = watcher(engine)
        wait_for(lambda: "use systemctl" in bus.send(engine, MANAGER, "/", "a.B.C").stderr, "its login")
        lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
        status = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
        assert status["NoNewPrivs"] == "1"
        assert {status[name].lstrip("0") for name in ("CapInh", "CapPrm", "CapEff")} == {""}
        if os.geteuid() == 0:
            assert set(process.uids()) == set(process.gids()) == {65534}
            assert not status["Groups"].strip()


def test_units_that_the_bus_starts() -> None:
    units = {"a": bus.owner(), "manual": "[Unit]\nRefuseManualStart=yes\n" + bus.owner(name="org.example.Manual")}
    with engine_with(**units) as engine:
        for name, unit in (("Test", "a"), ("Missing", "missing"), ("Manual", "manual")):
            text = (
                f"[D-BUS Service]\nName=org.example.{name}\nExec=/bin/false\nUser=root\nSystemdService={unit}.service\n"
            )
            (engine.root / f"services/org.example.{name}.service").write_text(text)
        bus.start_bus(engine)
        watcher(engine)
        asked = bus.send(
            engine, *BUS_ITSELF, "org.freedesktop.DBus.StartServiceByName", f"string:{bus.NAME}", "uint32:0"
        )
        assert "uint32 1" in asked.stdout, asked
        assert engine.sub("a.service") in ("start", "running")
        missing = bus.send(engine, "--dest=org.example.Missing", "/", "org.freedesktop.DBus.Peer.Ping")
        assert "org.freedesktop.systemd1.NoSuchUnit: Unit missing.service not found." in missing.stderr
        manual = bus.send(engine, "--dest=org.example.Manual", "/", "org.freedesktop.DBus.Peer.Ping")
        assert "may be requested by dependency only" in manual.stderr


@pytest.mark.parametrize("number", [signal.SIGCONT, signal.SIGSTOP, signal.SIGKILL])
def test_a_halt(number: int) -> None:
    with engine_with(a=bus.owner()) as engine:
        bus.start_bus(engine)
        assert engine.run("start", "a.service") == "done"
        process = watcher(engine)
        os.kill(process.pid, number)
        assert engine.halt() == 0
        assert not alive(process)
