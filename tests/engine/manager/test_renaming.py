"""The file of a unit becomes a link to another one while it runs: no process is lost, and either name stops it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import psutil
import pytest

from systemctl_replacement.control.client import connect
from systemctl_replacement.paths import Paths
from tests.engine.manager.engine import Engine, alive, wait_for
from tests.engine.manager.test_notify import KEEPER, UNIT
from tests.engine.manager.test_takeover import init, on_demand

SLEEPER = "[Service]\nExecStart=/bin/sleep 1000\n"
BOTH = {"old.service": SLEEPER, "new.service": SLEEPER}
AFTER = "[Unit]\nAfter=slow.service\n"
HOWS = ("reload", "reexec")


def link(e: Engine, old: str = "old.service", new: str = "new.service") -> None:
    """What a package does that is called otherwise now."""
    (e.units / old).unlink()
    (e.units / old).symlink_to(new)


def take_notice(e: Engine, how: str) -> None:
    if how == "reload":
        e.call("Reload")
    else:
        e.reexecute()


def main_of(e: Engine, unit: str) -> psutil.Process:
    return psutil.Process(e.show(unit)["MainPID"])


def names(e: Engine, unit: str) -> tuple[str, list[str]]:
    shown = e.show(unit)
    return shown["Id"], sorted(shown["Names"])


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("other", ["unknown", "loaded", "failed"])
@pytest.mark.parametrize("name", ["old.service", "new.service"])
def test_one_that_is_down_takes_the_process_over(how: str, other: str, name: str) -> None:
    units = {
        "old.service": SLEEPER,
        "new.service": "[Service]\nExecStartPre=/bin/test -e @ROOT@/go\nExecStart=/bin/sleep 1000\n",
        "wants.target": "[Unit]\nWants=old.service\nAfter=new.service old.service\n",
    }
    with Engine(units) as e:
        assert e.run("start", "old.service") == "done"
        if other == "loaded":
            assert e.run("start", "wants.target") == "done"
        elif other == "failed":
            assert e.run("start", "new.service") == "failed"
        process, before = main_of(e, "old.service"), e.show("old.service")
        link(e)
        take_notice(e, how)
        for unit in ("old.service", "new.service"):
            after = e.show(unit)
            assert names(e, unit) == ("new.service", ["new.service", "old.service"])
            for unchanged in ("MainPID", "InvocationID", "ActiveState", "Result", "ActiveEnterTimestampMonotonic"):
                assert after[unchanged] == before[unchanged]
        assert e.call("Processes", name="old.service")["pids"] == [process.pid]
        assert e.call("UnitByPID", pid=process.pid)["name"] == "new.service"
        assert " ".join(e.titled("supervisor: new.service").cmdline()).rstrip() == "supervisor: new.service"
        assert e.run("stop", name) == "done"
        assert not alive(process)
        (e.root / "go").touch()
        assert e.run("start", "old.service") == "done"
        assert e.sub("new.service") == "running"


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("order", [("old.service", "new.service"), ("new.service", "old.service")], ids="-".join)
def test_where_both_run_each_is_stopped_by_its_name(how: str, order: tuple[str, str]) -> None:
    restarting = SLEEPER + "Restart=always\n"
    with Engine({**BOTH, "new.service": restarting, "x.target": "[Unit]\nWants=old.service\n"}) as e:
        assert e.run("start", "x.target") == e.run("start", "new.service") == "done"
        process = {unit: main_of(e, unit) for unit in order}
        link(e)
        for again in (how, "reexec", "reload"):
            take_notice(e, again)
            for unit in order:
                assert names(e, unit) == (unit, [unit])
                assert e.show(unit)["MainPID"] == process[unit].pid
        assert e.show("x.target")["Wants"] == ["old.service"]
        first, last = order
        assert e.run("stop", first) == "done"
        assert (alive(process[first]), alive(process[last])) == (False, True)
        assert e.run("stop", last) == "done"
        assert not alive(process[last])
        # Now it is a name of the other one, also to those that refer to it.
        wait_for(lambda: names(e, "old.service")[0] == "new.service", "the name to be the other unit's")
        assert list(e.show("x.target")["Wants"]) in (["new.service"], ["old.service"])
        assert e.run("start", "old.service") == "done"
        assert e.sub("new.service") == "running"


def test_one_that_ends_by_itself_beside_the_other_is_not_started_again() -> None:
    with Engine(
        {**BOTH, "old.service": SLEEPER + "Restart=always\n", "new.service": SLEEPER + "Restart=always\n"}
    ) as e:
        assert e.run("start", "old.service") == e.run("start", "new.service") == "done"
        process = main_of(e, "new.service")
        link(e)
        e.call("Reload")
        main_of(e, "old.service").kill()
        wait_for(lambda: names(e, "old.service")[0] == "new.service", "the name to be the other unit's")
        assert e.show("old.service")["MainPID"] == process.pid
        assert e.show("old.service")["NRestarts"] == 0


def sleepers(e: Engine) -> list[psutil.Process]:
    return [process for process in e.processes() if process.name() == "sleep"]


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize(
    ("operation", "name", "left"),
    [
        ("restart", "old.service", ""),
        ("restart", "new.service", ""),
        ("try-restart", "old.service", ""),
        ("start", "old.service", "old new"),
        ("start", "x.target", "old new"),
        ("start", "trigger.service", "old new"),
    ],
)
def test_beside_the_other_its_program_is_not_started_once_more(how: str, operation: str, name: str, left: str) -> None:
    units = {
        **BOTH,
        "x.target": "[Unit]\nWants=old.service\nRequires=old.service\nUpholds=old.service\nAfter=old.service\n",
        "trigger.service": "[Unit]\nOnSuccess=old.service\n[Service]\nType=oneshot\nExecStart=/bin/true\n",
    }
    with Engine(units) as e:
        assert e.run("start", "old.service") == e.run("start", "new.service") == "done"
        process = {unit: main_of(e, f"{unit}.service") for unit in ("old", "new")}
        link(e)
        take_notice(e, how)
        assert e.run(operation, name) == "done"
        e.wait_idle()
        assert [unit for unit in process if alive(process[unit])] == left.split()
        if not left:
            wait_for(lambda: names(e, "old.service")[0] == "new.service", "the name to be the other unit's")
        wait_for(lambda: main_of(e, "new.service") in sleepers(e), "its program")
        assert len(sleepers(e)) == (len(left.split()) or 1)


@pytest.mark.parametrize("how", HOWS)
def test_a_restart_that_is_being_done_goes_on_as_the_start_of_the_other(how: str) -> None:
    wait = "/bin/sh -c 'touch @ROOT@/stopping; until test -e @ROOT@/go; do sleep 0.02; done'"
    with Engine({**BOTH, "old.service": f"{SLEEPER}ExecStop={wait}\n"}) as e:
        assert e.run("start", "old.service") == e.run("start", "new.service") == "done"
        process = main_of(e, "new.service")
        assert e.enqueue("restart", "old.service")["id"]
        wait_for((e.root / "stopping").exists, "its stop")
        link(e)
        take_notice(e, how)
        (e.root / "go").touch()
        e.wait_idle()
        wait_for(lambda: names(e, "old.service")[0] == "new.service", "the name to be the other unit's")
        assert alive(process)
        assert e.show("old.service")["MainPID"] == process.pid
        assert process in sleepers(e) and len([one for one in sleepers(e) if one.cmdline()[1] == "1000"]) == 1


def test_a_restart_that_is_due_beside_the_other_is_not_done() -> None:
    restarting = "[Service]\nExecStart=/bin/false\nRestart=always\nRestartSec=0.5\n"
    with Engine({**BOTH, "old.service": restarting}) as e:
        assert e.run("start", "new.service") == "done"
        process = main_of(e, "new.service")
        assert e.enqueue("start", "old.service")["id"]
        e.wait_sub("old.service", "auto-restart")
        link(e)
        e.call("Reload")
        wait_for(lambda: names(e, "old.service")[0] == "new.service", "the name to be the other unit's")
        assert e.show("old.service")["MainPID"] == process.pid
        assert sleepers(e) == [process]


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("units", [("old.service",), ("old.service", "new.service")], ids=len)
def test_a_halt_stops_what_was_renamed(how: str, units: tuple[str, ...]) -> None:
    with Engine(BOTH) as e:
        for unit in units:
            assert e.run("start", unit) == "done"
        processes = [main_of(e, unit) for unit in units]
        link(e)
        take_notice(e, how)
        assert e.halt() == 0
        assert not any(map(alive, processes))


@pytest.mark.parametrize("how", HOWS)
def test_output_goes_to_the_journal_of_the_new_name(how: str) -> None:
    talker = "[Service]\nExecStart=/bin/sh -c 'n=0; while :; do echo line $$n; n=$$((n + 1)); sleep 0.02; done'\n"
    with Engine({**BOTH, "old.service": talker}) as e:

        def lines(unit: str) -> list[tuple[str, str]]:
            found = [json.loads(line) for path in e.root.rglob(f"{unit}.journal.jsonl") for line in path.open()]
            return [(one["_SYSTEMD_UNIT"], one["MESSAGE"]) for one in found if one["MESSAGE"].startswith("line")]

        assert e.run("start", "old.service") == "done"
        wait_for(lambda: lines("old.service"), "output")
        link(e)
        take_notice(e, how)
        wait_for(lambda: lines("new.service"), "output under the new name")
        assert {unit for unit, _ in lines("old.service")} == {"old.service"}
        assert {unit for unit, _ in lines("new.service")} == {"new.service"}
        printed = [text for unit in ("old.service", "new.service") for _, text in lines(unit)]
        assert printed == [f"line {number}" for number in range(len(printed))]


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("fault", ["none", "supervisor killed"])
def test_what_it_notifies_and_stores_arrives(how: str, fault: str) -> None:
    late = "\nwhile not os.path.exists(sys.argv[1] + '.go'): time.sleep(0.02)\ntalk.send(b'STATUS=here')\n"
    unit = UNIT.replace("@PYTHON@", sys.executable) + "TimeoutStartSec=infinity\n"
    with Engine({"old.service": unit, "new.service": unit}) as e:
        (e.root / "keeper.py").write_text(KEEPER.replace("\ntalk.send(", late + "talk.send("))
        assert e.enqueue("start", "old.service")["id"]
        wait_for(lambda: e.show("old.service")["NFileDescriptorStore"] == 2, "two descriptors")
        link(e)
        take_notice(e, how)
        if fault != "none":
            e.titled("supervisor: new.service").kill()
            wait_for(lambda: e.call("Processes", name="new.service")["degraded"], "the death to be noticed")
        assert e.sub("new.service") == "start"
        Path(f"{e.notes}.go").touch()
        e.wait_sub("new.service", "running")
        assert e.show("old.service")["StatusText"] == "here"
        assert e.show("old.service")["NFileDescriptorStore"] == 2
        assert e.run("restart", "old.service") == "done"
        assert [line for line in e.noted() if line.startswith("got")] == ["got 2 stored,memory kept"]


def test_a_supervisor_that_is_not_there_yet_hears_of_it() -> None:
    # The forkserver is stopped: what is asked of it is answered under the name it was asked by.
    with Engine(BOTH) as e:
        forkserver = e.titled("forkserver")
        forkserver.suspend()
        assert e.enqueue("start", "old.service")["id"]
        link(e)
        e.call("Reload")
        forkserver.resume()
        e.wait_sub("new.service", "running")
        wait_for(lambda: e.titled("supervisor: new.service"), "its supervisor to know the name")
        process = main_of(e, "new.service")
        assert e.run("stop", "old.service") == "done"
        assert not alive(process)


@pytest.mark.parametrize("how", HOWS)
def test_jobs_of_both_are_one(how: str) -> None:
    wait = "/bin/sh -c 'until test -e @ROOT@/go; do sleep 0.02; done'"
    slow = f"[Service]\nType=oneshot\nExecStart={wait}\n"
    with Engine({"slow.service": slow, "old.service": AFTER + SLEEPER, "new.service": AFTER + SLEEPER}) as e:
        for unit in ("slow.service", "old.service", "new.service"):
            assert e.enqueue("start", unit)["id"]
        link(e)
        take_notice(e, how)
        assert sorted(job["unit"] for job in e.call("Jobs")["jobs"]) == ["new.service", "slow.service"]
        (e.root / "go").touch()
        e.wait_idle()
        assert e.sub("old.service") == "running"
        process = main_of(e, "new.service")
        assert e.run("stop", "old.service") == "done"
        assert not alive(process)


@pytest.mark.parametrize(("other", "result"), [("start", "done"), ("stop", "canceled")])
def test_who_waits_for_a_job_of_a_unit_that_is_no_more_is_told(other: str, result: str) -> None:
    wait = "/bin/sh -c 'until test -e @ROOT@/go; do sleep 0.02; done'"
    slow = f"[Service]\nType=oneshot\nExecStart={wait}\n"
    new = f"[Unit]\nAfter=slow.service\n[Service]\nExecStart=/bin/sleep 1000\nExecStop={wait}\n"
    with Engine({"slow.service": slow, "old.service": AFTER + SLEEPER, "new.service": new}) as e:
        if other == "stop":
            assert e.run("start", "new.service") == "done"
        for operation, unit in (("start", "slow.service"), (other, "new.service")):
            assert e.enqueue(operation, unit)["id"]
        waiting = connect(Paths(str(e.root)))
        assert waiting is not None
        replies = waiting.call_more("Enqueue", operation="start", names=["old.service"], mode="replace", wait=True)
        assert next(replies)["jobs"][0]["id"]
        link(e)
        e.call("Reload")
        (e.root / "go").touch()
        assert list(replies)[-1]["jobs"][0]["result"] == result


@pytest.mark.parametrize("how", HOWS)
def test_a_chain_of_links(how: str) -> None:
    units = {f"{name}.service": SLEEPER for name in "abc"}
    with Engine(units) as e:
        for name in ("a.service", "b.service"):
            assert e.run("start", name) == "done"
        processes = [main_of(e, name) for name in ("a.service", "b.service")]
        link(e, "a.service", "b.service")
        link(e, "b.service", "c.service")
        take_notice(e, how)
        ids = {e.show(name)["Id"] for name in ("a.service", "b.service")}
        assert "c.service" in ids and len(ids) == 2
        assert e.run("stop", "a.service") == e.run("stop", "b.service") == "done"
        assert not any(map(alive, processes))
        wait_for(lambda: names(e, "b.service") == ("c.service", ["a.service", "b.service", "c.service"]), "one unit")


@pytest.mark.parametrize("how", HOWS)
def test_a_name_that_becomes_a_unit_of_its_own_takes_nothing(how: str) -> None:
    with Engine(BOTH) as e:
        assert e.run("start", "old.service") == "done"
        process = main_of(e, "old.service")
        link(e)
        take_notice(e, how)
        (e.units / "old.service").unlink()
        e.write("old.service", SLEEPER)
        take_notice(e, how)
        assert (e.sub("old.service"), e.sub("new.service")) == ("dead", "running")
        assert names(e, "new.service") == ("new.service", ["new.service"])
        assert e.run("start", "old.service") == "done"
        assert e.run("stop", "new.service") == "done"
        assert not alive(process)
        assert e.sub("old.service") == "running"


def test_an_init_takes_it_over_under_the_new_name() -> None:
    with on_demand(BOTH) as e:
        assert e.run("start", "old.service") == "done"
        process = main_of(e, "old.service")
        link(e)
        assert e.process is not None
        with init(e):
            assert e.process.wait(20) == 0
            e.forget()
            assert e.call("SystemState", wait=True)["state"] == "running"
            e.forget()
            assert e.show("old.service")["MainPID"] == process.pid
            assert names(e, "old.service")[0] == "new.service"
            assert e.run("stop", "new.service") == "done"
            assert not alive(process)


# Where a manager, or the state of one, says "old.service" before and after the unit is renamed: what says so afterwards
# would be looked for in vain. It may stand among names, in what files say, and in what is ordered after the unit.
WALK = """
from systemctl_replacement.manager import renaming
NOTES = open("@ROOT@/notes", "a", buffering=1)
NAMES = ("_ids", "names", "file", "_index", "_former", "dependencies", "references", "_unread")
def walk(value, path, seen):
    if value == "old.service":
        yield path
    if isinstance(value, (str, int, bytes)) or value is None or id(value) in seen:
        return
    seen[id(value)] = value
    if isinstance(value, dict):
        for key, item in list(value.items()):
            yield from walk(key, path, seen)
            yield from walk(item, path or key, seen)
    elif isinstance(value, (list, tuple, set, frozenset)) or type(value).__name__ == "deque":
        for item in list(value):
            yield from walk(item, path, seen)
    elif hasattr(value, "__self__"):
        yield from walk(value.__self__, path, seen)
    elif hasattr(value, "__closure__"):
        yield from walk([cell.cell_contents for cell in value.__closure__ or ()], path, seen)
    elif type(value).__module__.startswith("systemctl_replacement"):
        slots = [name for cls in type(value).__mro__ for name in getattr(cls, "__slots__", ())]
        for name in (*getattr(value, "__dict__", ()), *slots):
            if name not in NAMES and hasattr(value, name):
                yield from walk(getattr(value, name), f"{type(value).__name__}.{name}", seen)
def note(when, value):
    NOTES.write(" ".join([when, *sorted(set(walk(value, "", {})))]) + "\\n")
real, real_in = renaming.follow, renaming.follow_in
def follow(manager, canonical):
    if canonical("old.service") != "old.service":
        manager.leftovers._started["old.service"] = True
        manager.leftovers._clearing.add("old.service")
        manager.registry.asked_for.add("old.service")
        note("before", manager)
    real(manager, canonical)
    if canonical("old.service") != "old.service":
        note("after", manager)
def follow_in(manager, state, canonical):
    note("before", {key: value for key, value in state.items() if key != "clients"})
    left_out = real_in(manager, state, canonical)
    note("after", {key: value for key, value in state.items() if key != "clients"})
    return left_out
renaming.follow, renaming.follow_in = follow, follow_in
"""


@pytest.mark.parametrize("renamed", [False, True])
def test_a_process_on_its_way_is_asked_for_once_more_by_either_name(renamed: bool) -> None:
    # The supervisor is stopped, so that it never makes the process, and is killed.
    reloading = f"{SLEEPER}Type=exec\nExecReload=/bin/true\n"
    with Engine({"old.service": reloading, "new.service": reloading}) as e:
        assert e.run("start", "old.service") == "done"
        supervisor = e.titled("supervisor: old.service")
        supervisor.suspend()
        job = e.enqueue("reload", "old.service")
        assert job["id"]
        wait_for(lambda: e.sub("old.service") == "reload", "its reload to begin")
        if renamed:
            link(e)
            e.call("Reload")
        supervisor.kill()
        e.wait_idle()
        assert e.show("old.service")["ReloadResult"] == "success"
        assert e.sub("old.service") == "running"


@pytest.mark.parametrize("state", ["started", "queued", "on its way"])
def test_nothing_is_kept_by_the_id_of_a_unit_that_was_renamed(state: str) -> None:
    forking = "[Service]\nType=forking\nPIDFile=@ROOT@/pid\nExecStart=/bin/sh -c 'sleep 1000 & touch @ROOT@/up'\n"
    slow = "[Service]\nType=oneshot\nExecStart=/bin/sleep 1000\n"
    with Engine({"slow.service": slow, "old.service": AFTER + forking, "new.service": forking}, change=WALK) as e:
        if state == "queued":
            assert e.enqueue("start", "slow.service")["id"]
        forkserver = e.titled("forkserver")
        if state == "on its way":
            forkserver.suspend()
        assert e.enqueue("start", "old.service")["id"]
        if state == "on its way":
            e.wait_sub("old.service", "start")
        if state == "started":
            wait_for((e.root / "up").exists, "its daemon")
            wait_for(lambda: not e.show("old.service")["ControlPID"], "it to wait for its PID file")
        link(e)
        e.call("Reload")
        before, after = (set(line.split(" ")) for line in e.noted())
        forkserver.resume()
        expected = {"Registry._units", "Registry.asked_for", "ManagedUnit.id", "Job.unit"}
        if state == "started":
            expected = {"Processes.invocations", "Processes.settings", "Processes.trackings", "Tracking.unit"}
            expected |= {"Tracking.known_as", "BootProgress.record", "Leftovers._clearing"}
        assert expected <= before
        # A supervisor that is yet to be made was asked for by the old name, and is told the new one.
        assert after == ({"after", "Tracking.known_as"} if state == "on its way" else {"after"})


@pytest.mark.parametrize("state", ["started", "queued"])
def test_nothing_in_the_state_of_a_reexecution_has_the_id_of_a_unit_that_was_renamed(state: str) -> None:
    slow = "[Service]\nType=oneshot\nExecStart=/bin/sleep 1000\n"
    change = WALK + "paths.self_command = lambda: [sys.executable, '-ISXutf8', sys.argv[0]]\n"
    with Engine({"slow.service": slow, "old.service": AFTER + SLEEPER, "new.service": SLEEPER}, change=change) as e:
        if state == "queued":
            assert e.enqueue("start", "slow.service")["id"]
        assert e.enqueue("start", "old.service")["id"]
        if state == "started":
            e.wait_sub("old.service", "running")
        link(e)
        e.reexecute()
        before, after = (set(line.split(" ")) for line in e.noted())
        assert "units" in before and ("trackings" if state == "started" else "jobs") in before
        assert after == {"after"} if state == "queued" else {"after", "known_as"}


def test_a_reload_reads_unit_files_though_renaming_fails() -> None:
    broken = """
from systemctl_replacement.manager import renaming
def follow(manager, canonical):
    raise RuntimeError("a defect in renaming")
renaming.follow = follow
"""
    with Engine({"a.service": SLEEPER}, change=broken) as e:
        assert e.show("a.service")["Description"] == "a.service"
        e.write("a.service", f"[Unit]\nDescription=Changed\n{SLEEPER}")
        e.call("Reload")
        assert e.show("a.service")["Description"] == "Changed"
        e.wait_said("a defect in renaming")
