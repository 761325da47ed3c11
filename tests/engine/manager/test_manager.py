"""The manager with real processes: jobs, order, restarts, failures, and the halt."""

from __future__ import annotations

import signal
from pathlib import Path

import psutil
import pytest

from tests.engine.manager.engine import Engine, alive, wait_for

SLEEP = "[Service]\nExecStart=/bin/sleep 1000\n"
NOTE = "/bin/sh -c 'echo {} >>@ROOT@/notes'"


def noting(name: str, unit: str = "", service: str = "") -> str:
    """A service that writes down when it starts and stops."""
    return (
        f"[Unit]\n{unit}\n[Service]\nType=notify\nNotifyAccess=all\nTimeoutStartSec=20\n"
        f"ExecStart=/bin/sh -c 'echo {name} up >>@ROOT@/notes; {READY}; exec sleep 1000'\n"
        f"ExecStop={NOTE.format(name + ' down')}\n{service}\n"
    )


# sd_notify(3) without systemd-notify: any Python will do.
READY = "@PYTHON@ -IS @ROOT@/ready.py"
READY_SCRIPT = """
import os, socket
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.connect(os.environ["NOTIFY_SOCKET"])
s.send(b"READY=1")
"""


def engine(units: dict[str, str], boot: tuple[str, ...] = ("multi-user.target",)) -> Engine:
    import sys

    made = Engine(boot=boot)
    (made.root / "ready.py").write_text(READY_SCRIPT)
    for name, text in units.items():
        made.write(name, text.replace("@PYTHON@", sys.executable))
    return made


def test_order_of_start_and_reverse_order_of_halt() -> None:
    units = {
        "a.service": noting("a"),
        "b.service": noting("b", "After=a.service\nWants=a.service"),
        "c.service": noting("c", "After=b.service\nRequires=b.service"),
    }
    with engine(units, boot=("c.service",)) as e:
        assert e.noted() == ["a up", "b up", "c up"]
        assert e.halt() == 0
        assert e.noted()[3:] == ["c down", "b down", "a down"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, 37])
def test_signals_of_the_halt(number: int) -> None:
    with engine({"a.service": noting("a")}, boot=("a.service",)) as e:
        children = e.processes()
        assert e.halt(number) == 0
        assert e.noted() == ["a up", "a down"]
        wait_for(lambda: not any(map(psutil.Process.is_running, children)), "the end of everything")


def test_exit_with_a_status() -> None:
    with engine({}) as e:
        e.call("Halt", verb="exit", exit_status=42, force=0)
        assert e.process is not None
        assert e.process.wait(20) == 42


def test_a_killed_service_comes_back_and_one_that_keeps_dying_does_not() -> None:
    units = {
        "a.service": "[Service]\nExecStart=/bin/sleep 1000\nRestart=always\nRestartSec=0\n",
        "b.service": "[Service]\nExecStart=/bin/false\nRestart=always\nRestartSec=0\n",
    }
    with engine(units) as e:
        assert e.run("start", "a.service") == "done"
        first = e.show("a.service")["MainPID"]
        psutil.Process(first).kill()
        wait_for(lambda: e.show("a.service")["MainPID"] not in (0, first), "a new main process")
        assert e.show("a.service")["NRestarts"] == 1
        e.enqueue("start", "b.service")
        e.wait_sub("b.service", "failed")
        assert e.show("b.service")["Result"] == "exit-code"  # why it died, as under systemd
        e.call("ResetFailed", names=["b.service"])
        assert e.sub("b.service") == "dead"


def test_requires_fails_with_what_it_requires() -> None:
    units = {
        "bad.service": "[Service]\nType=oneshot\nExecStart=/bin/false\n",
        "a.service": "[Unit]\nRequires=bad.service\nAfter=bad.service\n[Service]\nExecStart=/bin/sleep 1000\n",
    }
    with engine(units) as e:
        assert e.run("start", "a.service") == "dependency"
        assert e.sub("bad.service") == "failed"
        assert e.sub("a.service") == "dead"


def test_conditions_and_asserts() -> None:
    units = {
        "a.service": "[Unit]\nConditionPathExists=/does/not/exist\n[Service]\nExecStart=/bin/sleep 1000\n",
        "b.service": "[Unit]\nAssertPathExists=/does/not/exist\n[Service]\nExecStart=/bin/sleep 1000\n",
    }
    with engine(units) as e:
        assert e.run("start", "a.service") == "done"
        assert e.sub("a.service") == "dead"
        assert e.show("a.service")["ConditionResult"] is False
        assert e.run("start", "b.service") == "assert"


def test_a_client_that_goes_away_cancels_nothing() -> None:
    units = {"a.service": f"[Service]\nType=oneshot\nExecStart=/bin/sleep 0.3\nExecStart={NOTE.format('done')}\n"}
    with engine(units) as e:
        e.enqueue("start", "a.service")
        assert e._client is not None
        e._client = None
        wait_for(lambda: e.noted() == ["done"], "the job of a client that left")


def test_forking_with_and_without_pid_file() -> None:
    daemon = "(sleep 1000 & echo $! >@ROOT@/pid)"
    units = {
        "a.service": f"[Service]\nType=forking\nPIDFile=/pid\nExecStart=/bin/sh -c '{daemon}'\n".replace("$!", "$$!"),
        "b.service": "[Service]\nType=forking\nExecStart=/bin/sh -c 'setsid sleep 1000 &'\n",
    }
    with engine(units) as e:
        for name in units:
            assert e.run("start", name) == "done"
            main = psutil.Process(e.show(name)["MainPID"])
            wait_for(lambda main=main: main.name() == "sleep", "the daemon")  # type: ignore[misc]
            assert e.run("stop", name) == "done"
            assert not alive(main)


def test_reload_of_unit_files_keeps_what_runs() -> None:
    with engine({"a.service": "[Service]\nExecStart=/bin/sleep 1000\n"}) as e:
        assert e.run("start", "a.service") == "done"
        main = psutil.Process(e.show("a.service")["MainPID"])
        e.write("a.service", "[Unit]\nDescription=Changed\n[Service]\nExecStart=/bin/sleep 2000\n")
        assert e.show("a.service")["NeedDaemonReload"] is True
        e.call("Reload")
        shown = e.show("a.service")
        assert (shown["MainPID"], shown["Description"], shown["NeedDaemonReload"]) == (main.pid, "Changed", False)
        (e.units / "a.service").unlink()
        e.call("Reload")
        assert e.show("a.service")["LoadState"] == "not-found"
        assert e.run("stop", "a.service") == "done"
        assert not alive(main)


def test_a_new_file_for_a_unit_that_was_not_found() -> None:
    with engine({}) as e:
        assert e.call("States", names=["late.service"])["states"][0]["load_state"] == "not-found"
        e.write("late.service", "[Service]\nExecStart=/bin/sleep 1000\n")
        assert e.run("start", "late.service") == "done"


def test_a_missing_unit_that_others_name_and_that_becomes_an_alias() -> None:
    units = {
        "a.service": "[Unit]\nWants=late.service other.service\nAfter=late.service\n" + SLEEP,
    }
    with engine(units, boot=("a.service",)) as e:
        e.write("real.service", "[Service]\nExecStart=/bin/sleep 1000\n")
        (e.units / "late.service").symlink_to("real.service")
        assert e.run("start", "late.service") == "done"
        shown = e.show("real.service")
        assert shown["WantedBy"] == ["a.service"]
        assert "a.service" in shown["Before"]
        assert "real.service" in e.show("a.service")["Wants"]
        assert "late.service" not in e.show("a.service")["Wants"]


def test_what_has_no_processes_has_no_supervisor() -> None:
    unit = (
        "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\nRuntimeDirectory=kept\n"
        f"ExecStop={NOTE.format('stop')}\n"
    )
    with engine({"a.service": unit, "b.service": unit.replace("kept", "b").replace("ExecStop", "#")}) as e:
        for name in ("a", "b"):
            assert e.run("start", f"{name}.service") == "done"
        wait_for(lambda: not [one for one in titles_of(e) if one.startswith("supervisor")], "no supervisor")
        assert (e.root / "run/kept").is_dir() and (e.root / "run/b").is_dir()
        assert e.sub("a.service") == "exited"
        for name, path in (("a", "kept"), ("b", "b")):
            assert e.run("stop", f"{name}.service") == "done"
            assert not (e.root / "run" / path).exists()
        assert e.noted() == ["stop"]
        wait_for(lambda: not [one for one in titles_of(e) if one.startswith("supervisor")], "no supervisor")


def titles_of(e: Engine) -> list[str]:
    """The command lines of the manager's processes."""
    found = []
    for process in e.processes():
        try:
            found.append(" ".join(process.cmdline()))
        except psutil.NoSuchProcess:
            continue
    return found


def test_environment_directories_and_identity(tmp_path: Path) -> None:
    units = {
        "a.service": (
            '[Service]\nType=oneshot\nRemainAfterExit=yes\nRuntimeDirectory=mine\nEnvironment=A=1 "B=two words"\n'
            "EnvironmentFile=-/does/not/exist\nEnvironmentFile=@ROOT@/file\nWorkingDirectory=@ROOT@\nUMask=0077\n"
            "LimitNOFILE=123:456\n"
            "ExecStart=/bin/sh -c 'echo $$A,$$B,$$C >>notes; echo $$RUNTIME_DIRECTORY >>notes; umask >>notes; "
            "ulimit -n >>notes; ulimit -Hn >>notes; echo ${B} >>notes; env | grep -c ^LC_ >>notes || true'\n"
        )
    }
    with engine(units) as e:
        (e.root / "file").write_text("C=from file\n")
        assert e.run("start", "a.service") == "done"
        assert e.noted() == ["1,two words,from file", f"{e.root}/run/mine", "0077", "123", "456", "two words", "0"]
        assert (e.root / "run/mine").is_dir()
        e.run("stop", "a.service")
        assert not (e.root / "run/mine").exists()


def test_who_asks_for_journald_does_not_lose_the_log() -> None:
    """It would take the sockets that programs log through."""
    names = ("systemd-journald.service", "systemd-journald-dev-log.socket")
    units = {names[0]: SLEEP, names[1]: f"[Socket]\nService={names[0]}\nListenDatagram=@ROOT@/dev-log\n"}
    with Engine(units, boot=("basic.target",)) as e:
        for verb in ("start", "restart"):
            assert [e.run(verb, name) for name in names] == ["done", "done"]
        e.reexecute()
        assert e.run("restart", names[0]) == "done"
        assert [e.sub(name) for name in names] == ["dead", "dead"]
        assert not (e.root / "dev-log").exists()


def test_a_skipped_unit_pulls_nothing_in_unless_it_is_asked_for_by_name() -> None:
    units = {
        "skipped.service": "[Unit]\nRequires=needed.service\nAfter=needed.service\n" + SLEEP,
        "needed.service": SLEEP,
        "a.service": "[Unit]\nRequires=skipped.service\nAfter=skipped.service\n" + SLEEP,
    }
    made = engine(units, boot=("a.service",))
    directory = made.root / "etc/systemctl-replacement"
    directory.mkdir()
    (directory / "skip-in-container.conf").write_text("skipped.service # for a test\n")
    with made as e:
        assert [e.sub(f"{name}.service") for name in ("a", "skipped", "needed")] == ["running", "dead", "dead"]
        (journal,) = e.root.rglob("manager.journal.jsonl")
        assert "skipped.service is skipped in a container (for a test)." in journal.read_text()
        wait_for(lambda: "2 units were skipped in a container: " in e.text(), "the line that sums up")
        assert e.run("start", "skipped.service") == "done"
        assert [e.sub(f"{name}.service") for name in ("skipped", "needed")] == ["running", "running"]


def test_whoever_starts_the_halt_is_answered() -> None:
    with engine({"a.service": noting("a")}, boot=("a.service",)) as e:
        assert e.run("start", "poweroff.target") == "done"
        assert e.process is not None
        assert e.process.wait(20) == 0
        assert e.noted() == ["a up", "a down"]


def test_what_a_start_limit_does() -> None:
    unit = "[Unit]\nStartLimitBurst=1\nStartLimitAction=exit\nFailureActionExitStatus=7\n" + SLEEP
    # A unit that nobody refers to is forgotten with its start limit, so something refers to this one.
    units = {"a.service": unit, "b.service": noting("b", "After=a.service")}
    with engine(units, boot=("b.service",)) as e:
        assert e.run("start", "a.service") == "done"
        assert e.run("stop", "a.service") == "done"
        e.enqueue("start", "a.service")
        assert e.process is not None
        e.process.wait(20)
        assert e.noted() == ["b up", "b down"]


def test_nothing_is_said_of_a_job_that_has_nothing_to_do() -> None:
    with Engine({"a.service": "[Service]\nExecStart=/bin/sleep 1000\n"}, boot=("basic.target",)) as e:
        for operation in ("start", "start", "stop", "stop"):
            assert e.run(operation, "a.service") == "done"
        wait_for(lambda: "Stopped a.service" in e.text(), "its end")
        e.halt()
        assert [e.text().count(f"{word} a.service") for word in ("Started", "Stopping", "Stopped")] == [1, 1, 1]


def test_a_unit_whose_manager_is_killed_gets_the_signal_it_asks_for() -> None:
    trap = "trap '' TERM; trap 'touch @ROOT@/told; exit' USR1; touch @ROOT@/ready; while :; do sleep 0.02; done"
    unit = f'[Service]\nKillSignal=SIGUSR1\nExecStart=/bin/sh -c "{trap}"\n'
    with Engine({"x.service": unit}, boot=("basic.target",)) as engine:
        assert engine.run("start", "x.service") == "done"
        wait_for((engine.root / "ready").exists, "the trap")
        assert engine.process is not None
        engine.process.kill()
        wait_for((engine.root / "told").exists, "SIGUSR1")
