"""Which processes belong to a unit, how all of them end, and what is lost when one of our own processes is killed."""

from __future__ import annotations

import os
import select
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from systemctl_replacement.process import descendants
from systemctl_replacement.supervision.client import Link, make_pair
from tests.engine.process.tree import Tree, Unit

FORKSERVER = (
    "import sys; sys.path.insert(0, {path!r})\n"
    "from systemctl_replacement.process import forkserver\n"
    "forkserver.main(int(sys.argv[2]))\n"
)
REPLACER = """
import os, sys
depth = int(sys.argv[1])
for _ in range(depth):
    if os.fork() == 0:
        if {setsid}:
            os.setsid()
    else:
        os._exit(0)
os.pause() if hasattr(os, "pause") else __import__("signal").pause()
"""


def alive(pid: int) -> bool:
    stat = descendants.read_stat(pid)
    return stat is not None and stat[0] not in "ZX"


def read_pids(path: Path, count: int, tree: Tree) -> list[int]:
    tree.until(lambda: path.exists() and len(path.read_text().split()) >= count, f"{count} pids in {path}")
    return [int(word) for word in path.read_text().split()]


def test_ends_are_told_with_their_kind(unit: Unit) -> None:
    ends = {"exit 7": ("exited", 7), "kill -TERM $$": ("killed", 15), "kill -KILL $$": ("killed", 9)}
    for script, (code, status) in ends.items():
        pid = unit.shell(script)
        ended = unit.wait("exited", pid=pid)
        assert (ended["code"], ended["status"], ended["token"]) == (code, status, unit.token)
        assert ended["time"][0] > 10**15
        assert ended["last"]


def test_a_daemon_that_double_forks_and_changes_session_stays(unit: Unit, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    daemon = tmp_path / "daemon"
    daemon.write_text(f"echo $$ >> {pids}; exec sleep 1000")
    script = f"(setsid sh -c '(env -i /bin/sh {daemon}) & (env -i /bin/sh {daemon}) &') & exit 0"
    pid = unit.shell(script)
    unit.wait("exited", pid=pid)
    assert not unit.wait("exited", pid=pid)["last"]
    daemons = read_pids(pids, 2, unit.tree)
    unit.tree.until(lambda: sorted(descendants.children(unit.pid)) == sorted(daemons))
    assert not unit.find("empty")
    unit.send("signal-all", signal=15, cont=True)
    unit.wait("empty")
    assert not any(alive(pid) for pid in daemons)
    assert {event["pid"] for event in unit.events if event["ev"] == "exited" and event["token"] is None} >= set(daemons)


def test_the_main_process_is_guessed_when_there_is_one_stranger(unit: Unit, tmp_path: Path) -> None:
    unit.send("guess-main")
    assert unit.wait("guess")["pid"] == 0
    unit.forget()
    pids = tmp_path / "pids"
    first = unit.shell(f"sh -c 'echo $$ > {pids}; exec sleep 1000' & exit 0")
    unit.wait("exited", pid=first)
    daemon = read_pids(pids, 1, unit.tree)[0]
    unit.send("guess-main")
    assert unit.wait("guess")["pid"] == daemon
    children = [event["pids"] for event in unit.events if event["ev"] == "children"]
    assert [pid for pid, _ in children[-1]] == [daemon]
    unit.forget()
    second = unit.shell("sleep 1000 & exit 0")
    unit.wait("exited", pid=second)
    unit.send("guess-main")
    assert unit.wait("guess")["pid"] == 0


@pytest.mark.parametrize("setsid", [False, True])
def test_processes_that_replace_themselves_do_not_outrun_sigkill(unit: Unit, setsid: bool) -> None:
    token = unit.spawn(sys.executable, "-IS", "-c", REPLACER.format(setsid=setsid), "2000")
    unit.wait("executed", token=token)
    unit.wait("exited", token=token)
    unit.send("signal-all", signal=9)
    unit.wait("empty")
    assert descendants.descendants(unit.pid) == []


def test_a_tree_of_many_dies(unit: Unit) -> None:
    unit.shell("for i in 1 2 3 4 5; do (for j in 1 2 3 4 5; do sleep 1000 & done; wait) & done; wait")
    unit.tree.until(lambda: len(descendants.descendants(unit.pid)) == 31)
    unit.send("signal-all", signal=9)
    unit.wait("empty")


def test_a_signal_spares_whom_it_is_told_to(unit: Unit) -> None:
    spared, other = unit.shell("exec sleep 1000"), unit.shell("exec sleep 1000")
    unit.send("signal-all", signal=15, **{"except": [spared]})
    unit.wait("exited", pid=other)
    unit.send("signal-all", signal=9, **{"except": [spared]})
    third = unit.shell("exec sleep 1000")
    unit.send("signal", pids=[third, os.getpid()], signal=15)  # we must not signal the stranger
    assert unit.wait("exited", pid=third)["status"] == 15
    assert alive(spared)


def test_a_stopped_process_is_continued_to_die(unit: Unit) -> None:
    pid = unit.shell("exec sleep 1000")
    os.kill(pid, signal.SIGSTOP)
    unit.send("signal", pids=[pid], signal=15, cont=True)
    assert unit.wait("exited", pid=pid)["status"] == 15


def test_a_foreign_main_process_is_watched(unit: Unit) -> None:
    pid = os.posix_spawn("/bin/sleep", ["sleep", "1000"], {})
    unit.send("watch", pid=pid)
    unit.send("signal", pids=[pid], signal=15)
    os.waitpid(pid, 0)
    assert unit.wait("exited", pid=pid)["token"] is None


def test_many_orphans_leave_no_zombie(unit: Unit) -> None:
    pid = unit.shell("i=0; while [ $i -lt 300 ]; do (/bin/true &) ; i=$((i+1)); done")
    unit.wait("exited", pid=pid)
    unit.wait("empty")
    assert descendants.children(unit.pid) == []


def test_signals_mean_nothing_to_our_own(unit: Unit) -> None:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2):
        os.kill(unit.pid, number)
        os.kill(unit.tree.forkserver.pid, number)
    unit.wait("exited", pid=unit.shell("exit 0"))
    assert alive(unit.tree.forkserver.pid)


def test_a_killed_supervisor_costs_its_services_nothing(unit: Unit) -> None:
    pid = unit.shell("read x; echo got $x", stdin="fd:0", fds=(feed := Pipe()).ends())
    os.kill(unit.pid, signal.SIGKILL)
    unit.tree.until(lambda: unit.gone)
    unit.tree.until(lambda: descendants.read_stat(pid)[1] == os.getpid(), "reparented to the manager")  # type: ignore[index]
    unit.events.clear()
    unit.make_supervisor()
    feed.write(b"something\n")
    assert os.waitpid(pid, 0)[1] == 0
    unit.tree.until(lambda: unit.journal.exists() and "got something" in unit.messages())
    unit.wait("exited", pid=unit.shell("exit 0"))


def test_a_killed_forkserver_loses_nothing(tree: Tree, unit: Unit, tmp_path: Path) -> None:
    pid = unit.shell("exec sleep 1000")
    os.kill(tree.forkserver.pid, signal.SIGKILL)
    os.waitpid(tree.forkserver.pid, 0)
    tree.until(lambda: _is_dead(tree), "end of the forkserver's link")
    script = tmp_path / "main.py"
    script.write_text(FORKSERVER.format(path=str(Path(__file__).parents[3])))
    tree.forkserver.spawn_fresh([sys.executable, "-ISXutf8", str(script)])
    other = tree.unit("other.service")
    other.wait("exited", pid=other.shell("exit 0"))
    assert alive(pid)
    unit.wait("exited", pid=unit.shell("exit 0"))
    # The old supervisor is our own child now, which the test must reap.
    unit.send("signal-all", signal=9)
    unit.wait("exited", pid=pid)
    unit.send("release")
    assert os.waitpid(unit.pid, 0)[1] == 0


def _is_dead(tree: Tree) -> bool:
    try:
        tree.forkserver.receive()
    except EOFError:
        return True
    return False


def test_when_the_manager_dies_its_units_are_stopped(tree: Tree) -> None:
    unit = tree.unit(stop_timeout=200_000)
    gentle = unit.shell("exec sleep 1000")
    stubborn = unit.shell("trap '' TERM; while :; do read x; done", stdin="fd:0", fds=Pipe().ends())
    unit.link.close()
    unit.gone = True
    unit.link = make_pair()[0]
    tree.until(lambda: not alive(gentle), "SIGTERM to the unit")
    tree.until(lambda: not alive(stubborn), "SIGKILL to the unit after its timeout")
    tree.until(lambda: not alive(unit.pid), "end of the supervisor")


def test_when_the_manager_dies_a_unit_gets_its_own_signal(tree: Tree) -> None:
    unit = tree.unit(kill_signal=int(signal.SIGUSR1))
    deaf = unit.shell("trap '' TERM; while :; do read x; done", stdin="fd:0", fds=Pipe().ends())
    unit.link.close()
    unit.gone = True
    unit.link = make_pair()[0]
    tree.until(lambda: not alive(deaf), "SIGUSR1 to the unit")


def test_release_lets_go(unit: Unit) -> None:
    unit.send("release")
    unit.tree.until(lambda: unit.gone)


def test_nothing_wakes_an_idle_supervisor(unit: Unit) -> None:
    unit.shell("exec sleep 1000")
    unit.wait("children")
    unit.tree.until(lambda: descendants.read_stat(unit.pid)[0] == "S", "rest")  # type: ignore[index]
    settled = _switches(unit.pid)
    select.poll().poll(300)
    assert _switches(unit.pid) == settled


def _switches(pid: int) -> str:
    with open(f"/proc/{pid}/status") as file:
        return next(line for line in file if line.startswith("voluntary_ctxt_switches"))


def test_messages_of_any_size_and_descriptors(tmp_path: Path) -> None:
    link, theirs = make_pair()
    other = Link(theirs)
    sent = [{"n": number, "text": "x" * size} for number, size in enumerate((10, 60_000, 70_000, 3_000_000))]
    for message in sent:
        link.send(message, [0])
    got: list[tuple[dict[str, Any], list[int]]] = []
    while len(got) < len(sent):
        got += other.receive()
        link.flush()
    assert [message for message, _ in got] == sent
    assert all(len(fds) == 1 for _, fds in got)
    for _, fds in got:
        os.close(fds[0])
    # A peer that does not read makes nobody wait, and nothing is lost.
    for number in range(2000):
        link.send({"n": number, "text": "y" * 1000})
    assert link.wants_write
    numbers: list[int] = []
    while len(numbers) < 2000:
        numbers += [message["n"] for message, _ in other.receive()]
        link.flush()
    assert numbers == list(range(2000))
    link.close()
    with pytest.raises(EOFError):
        other.receive()
    other.send({"to": "nobody"})
    other.close()


class Pipe:
    """Something for a process to wait for."""

    def __init__(self) -> None:
        self.read_end, self.write_end = os.pipe()

    def ends(self) -> tuple[int]:
        return (self.read_end,)

    def write(self, data: bytes) -> None:
        os.write(self.write_end, data)
