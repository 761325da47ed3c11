"""The log goes on in another directory when that is asked for: no line is lost, none is there twice."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
from pathlib import Path

from systemctl_replacement.paths import LOG_DIRECTORY
from tests.engine.manager.engine import Engine, wait_for
from tests.unit.cli.journalctl.program import command

PRINTS = "[Service]\nExecStart=/bin/sh -c 'n=0; while read line; do echo $line; done <@ROOT@/lines'\n"
FLOOD = (
    "[Service]\nExecStart=/bin/sh -c 'n=0; until test -e @ROOT@/enough; do n=$((n+1)); echo printed $n; done; "
    "echo $n >@ROOT@/printed'\n"
)


class Log:
    """The two places of an engine's log."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.kept = engine.root / LOG_DIRECTORY[1:]
        self.volatile = engine.root / "run/systemd/log"

    def messages(self, place: Path, which: str) -> list[str]:
        file = place / f"{which}.journal.jsonl"
        lines = file.read_text().splitlines() if file.exists() else []
        return [json.loads(line)["MESSAGE"] for line in lines]

    def send(self, text: str, place: Path) -> None:
        """Log something, which must be stored in a place."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.sendto(f"<30>{text}".encode(), f"{self.engine.root}/run/systemd/journal/dev-log")
        self.engine.call("Synchronize")
        assert self.messages(place, "received/other")[-1] == text

    def say(self, text: str, place: Path) -> None:
        """Have a unit print something, which must be stored in a place."""
        with (self.engine.root / "lines").open("w") as lines:
            lines.write(text + "\n")
        assert self.engine.run("start", "prints.service") == "done"
        wait_for(lambda: text in self.messages(place, "prints.service"), f"{text} in {place}")

    def goes_to(self, place: Path, text: str) -> None:
        """Whoever writes writes there, and nowhere else."""
        files = [file for other in {self.kept, self.volatile} - {place} for file in other.rglob("*.jsonl")]
        before = [file.read_bytes() for file in files]
        self.send(text, place)
        self.say(text, place)
        assert "prints.service" in self.messages(place, "manager")[-1]
        assert [file.read_bytes() for file in files] == before


def test_it_moves_when_asked() -> None:
    with Engine({"prints.service": PRINTS}) as engine:
        log = Log(engine)
        log.goes_to(log.kept, "at first")
        log_collector = engine.titled("collector")
        engine.call("RelinquishVar")
        log.goes_to(log.volatile, "relinquished")
        engine.call("RelinquishVar")
        log.goes_to(log.volatile, "relinquished again")
        engine.reexecute()
        log.goes_to(log.volatile, "executed again")
        engine.call("FlushToVar")
        log.goes_to(log.kept, "flushed")
        engine.reexecute()
        log.goes_to(log.kept, "flushed and executed again")
        assert engine.titled("collector") == log_collector
        assert log.messages(log.kept, "received/other") == ["at first", "flushed", "flushed and executed again"]


def test_it_moves_below_var_when_that_can_be_written_to() -> None:
    engine = Engine({"prints.service": PRINTS})
    var = engine.root / "var/log"
    var.parent.mkdir()
    var.write_text("no directory")
    with engine:
        log = Log(engine)
        log.goes_to(log.volatile, "at first")
        engine.call("FlushToVar")
        log.goes_to(log.volatile, "there is no other place")
        var.unlink()
        var.mkdir()
        engine.call("FlushToVar")
        log.goes_to(log.kept, "flushed")


def test_storage_decides() -> None:
    engine = Engine({"prints.service": PRINTS})
    (engine.root / "etc/systemd/journald.conf").write_text("[Journal]\nStorage=volatile\n")
    with engine:
        log = Log(engine)
        log.goes_to(log.volatile, "at first")
        engine.call("FlushToVar")
        log.goes_to(log.volatile, "flushed")


def test_nothing_is_lost_or_followed_twice_while_it_moves() -> None:
    with Engine({"flood.service": FLOOD}) as engine:
        reads = command(f"--root={engine.root}", "-q", "-o", "cat")
        shown = engine.root / "shown"
        with shown.open("w") as output:
            follower = subprocess.Popen([*reads, "-f", "-n0"], stdout=output)
        try:
            wait_for(lambda: _watches(follower.pid), "the follower")
            assert engine.run("start", "flood.service") == "done"
            with socket.socket(socket.AF_UNIX) as stream:
                stream.connect(f"{engine.root}/run/systemd/journal/stdout")
                stream.sendall(b"stream\n\n6\n0\n0\n0\n0\nbegun")
                for number in range(5):
                    if number == 2:
                        os.kill(engine.titled("collector").pid, signal.SIGKILL)
                    else:
                        stream.sendall(b"streamed %d\nbegun" % number)
                    engine.call("FlushToVar" if number % 2 else "RelinquishVar")
            (engine.root / "enough").touch()
            wait_for((engine.root / "printed").exists, "the end of the unit")
            wait_for(lambda: engine.sub("flood.service") == "dead", "its end")
            engine.call("Synchronize")
            count = int((engine.root / "printed").read_text())
            wanted = [f"printed {number}" for number in range(1, count + 1)]
            wait_for(lambda: wanted[-1] in shown.read_text().splitlines()[-200:], "the last line")
        finally:
            follower.terminate()
            follower.wait()
        read = subprocess.run(reads, stdout=subprocess.PIPE, text=True, check=True).stdout
        for text in (shown.read_text(), read):
            lines = text.splitlines()
            assert [line for line in lines if line.startswith("printed ")] == wanted
            streamed = [line.partition("streamed ")[2] for line in lines if "streamed" in line]
            assert streamed == [str(number) for number in range(5) if number != 2]


def _watches(pid: int) -> bool:
    """Whether a process has begun to watch files."""
    for fd in os.listdir(f"/proc/{pid}/fdinfo"):
        try:
            with open(f"/proc/{pid}/fdinfo/{fd}") as info:
                if "inotify wd" in info.read():
                    return True
        except FileNotFoundError:
            continue
    return False
