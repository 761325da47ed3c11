"""Timers by a manager with real clocks: what survives a re-execution and a take-over, and who wakes up."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from tests.engine.manager import test_takeover
from tests.engine.manager.engine import Engine, wait_for
from tests.engine.manager.test_after_reexecution import STAY_CHANGED

SOON = "[Unit]\nDefaultDependencies=no\n[Timer]\nOnActiveSec=50ms\nAccuracySec=1us\n"
LATER = "[Unit]\nDefaultDependencies=no\n[Timer]\nOnActiveSec=1500ms\nAccuracySec=1us\n"
DAILY = "[Unit]\nDefaultDependencies=no\n[Timer]\nOnCalendar=daily\nPersistent=yes\nOnUnitActiveSec=1h\n"
NOTE = "[Service]\nType=oneshot\nExecStart=/bin/sh -c 'echo %n $TRIGGER_UNIT >> @ROOT@/notes'\n"
STAMP = "var/lib/systemd/timers/stamp-x.timer"

# The realtime clock has been set, each time that the file is there when the kernel is asked.
STEPPED = (
    STAY_CHANGED
    + """
import errno, os
from systemctl_replacement.manager.ports import clocks
real = clocks.os.read
def read(fd, size):
    if fd == Held.clocks.fd and os.path.exists("@ROOT@/stepped"):
        os.unlink("@ROOT@/stepped")
        raise OSError(errno.ECANCELED, "cancelled")
    return real(fd, size)
class Os:
    read = staticmethod(read)
    def __getattr__(self, name):
        return getattr(os, name)
clocks.os = Os()
class Held:
    clocks = None
class Clocks(clocks.Clocks):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        Held.clocks = self
clocks.Clocks = Clocks
"""
)


def notes(engine: Engine) -> list[str]:
    try:
        return engine.notes.read_text().splitlines()
    except FileNotFoundError:
        return []


def clocks_of(engine: Engine) -> int:
    assert engine.process is not None
    links = Path(f"/proc/{engine.process.pid}/fd")
    return sum("timerfd" in os.readlink(links / name) for name in os.listdir(links) if (links / name).is_symlink())


def test_a_timer_elapses_and_tells_why() -> None:
    with Engine({"x.timer": SOON, "x.service": NOTE}) as e:
        assert e.run("start", "x.timer") == "done"
        wait_for(lambda: notes(e) == ["x.service x.timer"], "the service to have run")
        wait_for(lambda: e.sub("x.timer") == "elapsed", "the timer to have elapsed")
        assert e.show("x.timer")["LastTriggerUSec"] > 0
        assert e.run("stop", "x.timer") == "done"
        wait_for(lambda: clocks_of(e) == 0, "the clocks to be closed")


def test_in_every_state_over_a_reexecution() -> None:
    units = {
        **{f"{name}.timer": text for name, text in (("soon", SOON), ("later", LATER), ("x", DAILY), ("busy", SOON))},
        **{f"{name}.service": NOTE for name in ("soon", "later", "x")},
        "busy.service": "[Service]\nExecStart=/bin/sleep 1000\n",
    }
    with Engine(units) as e:
        for name in ("soon", "later", "x", "busy"):
            assert e.run("start", f"{name}.timer") == "done"
        wait_for(lambda: e.sub("soon.timer") == "elapsed" and e.sub("busy.timer") == "running", "the states")
        e.reexecute()
        subs = [e.sub(f"{name}.timer") for name in ("soon", "x", "busy")]
        assert subs == ["elapsed", "waiting", "running"]
        assert clocks_of(e) == 1
        wait_for(lambda: "later.service later.timer" in notes(e), "the timer to elapse afterwards")
        assert e.run("stop", "busy.service") == "done"
        wait_for(lambda: e.sub("busy.timer") == "elapsed", "the timer to hear of the service")
        e.reexecute()
        assert e.sub("later.timer") == "elapsed"


def test_the_clock_is_set_while_nobody_looks() -> None:
    """During a re-execution: the descriptor that tells it comes along."""
    units = {"x.timer": "[Unit]\nDefaultDependencies=no\n[Timer]\nOnClockChange=yes\n", "x.service": NOTE}
    with Engine(units, change=STEPPED) as e:
        assert e.run("start", "x.timer") == "done"
        assert e.show("x.timer")["SubState"] == "waiting"
        (e.root / "stepped").touch()
        # Whoever waits for a time soon has the kernel asked.
        e.write(
            "near.timer", "[Unit]\nDefaultDependencies=no\n[Timer]\nOnCalendar=*:*:*\nAccuracySec=1us\nUnit=x.service\n"
        )
        assert e.run("start", "near.timer") == "done"
        wait_for(lambda: "x.service x.timer" in notes(e), "the service to be started because of the clock")


# The realtime clock has been set by so many seconds before the program begins. Who arms its timer is told so.
SET_DURING_EXEC = (
    STAY_CHANGED
    + """
import errno, os, struct, time
from systemctl_replacement import libc
if os.path.exists("@ROOT@/set"):
    with open("@ROOT@/set") as file:
        nanoseconds = int(file.read()) * 10**9
    def clock_gettime_ns(clock, real=time.clock_gettime_ns):
        return real(clock) + (nanoseconds if clock == time.CLOCK_REALTIME else 0)
    time.clock_gettime_ns = clock_gettime_ns
    def function(name, real=libc.function, told=[]):
        def settime(fd, flags, value, old):
            words = list(struct.unpack("4q", value))
            words[2] = max(words[2] - nanoseconds // 10**9, 1)
            real(name)(fd, flags, struct.pack("4q", *words), old)
            if told:
                return 0
            told.append(fd)
            raise OSError(errno.ECANCELED, "cancelled")
        return settime if name == "timerfd_settime" else real(name)
    libc.function = function
"""
)
NEXT_CENTURY = 75 * 366 * 86_400  # seconds


@pytest.mark.parametrize(
    ("seconds", "runs"),
    [
        (NEXT_CENTURY, {"once", "daily", "step"}),
        (-10 * 365 * 86_400, {"step"}),  # what has been waited for is still to come
    ],
    ids=["forward", "back"],
)
def test_the_clock_is_set_during_the_exec_of_a_reexecution(seconds: int, runs: set[str]) -> None:
    timer = "[Unit]\nDefaultDependencies=no\n[Timer]\n{}\nAccuracySec=1us\n"
    units = {
        "once.timer": timer.format("OnCalendar=2099-01-01 UTC"),
        "daily.timer": timer.format("OnCalendar=daily UTC"),
        "step.timer": timer.format("OnClockChange=yes"),
        "span.timer": timer.format("OnActiveSec=1h"),
    }
    names = [name.partition(".")[0] for name in units]
    with Engine({**units, **{f"{name}.service": NOTE for name in names}}, change=SET_DURING_EXEC) as e:
        for name in units:
            assert e.run("start", name) == "done"
        dates = {name: e.show(f"{name}.timer")["NextElapseUSecRealtime"] for name in ("once", "daily")}
        (e.root / "set").write_text(str(seconds))
        e.reexecute()
        expected = [f"{name}.service {name}.timer" for name in sorted(runs)]
        wait_for(lambda: sorted(notes(e)) == expected, "what the new time is for")
        e.wait_sub("once.timer", "elapsed" if "once" in runs else "waiting")
        e.wait_sub("daily.timer", "waiting")
        if "daily" in runs:
            now = time.time() + seconds
            assert now < e.show("daily.timer")["NextElapseUSecRealtime"] // 1_000_000 < now + 86_400
        else:
            assert {name: e.show(f"{name}.timer")["NextElapseUSecRealtime"] for name in dates} == dates
        assert sorted(notes(e)) == expected


def test_the_time_zone_changes() -> None:
    units = {"x.timer": "[Unit]\nDefaultDependencies=no\n[Timer]\nOnTimezoneChange=yes\n", "x.service": NOTE}
    with Engine(units) as e:
        zone = e.root / "etc/localtime"
        assert e.run("start", "x.timer") == "done"
        for times in (1, 2, 3):
            new = e.root / "etc/new"
            new.symlink_to(f"/usr/share/zoneinfo/Etc/GMT-{times}")
            new.rename(zone)
            wait_for(lambda times=times: len(notes(e)) == times, "the service to have run")  # type: ignore[misc]
            wait_for(lambda: e.sub("x.timer") == "waiting", "the timer to wait again")
        zone.unlink()
        wait_for(lambda: len(notes(e)) == 4, "the service to have run")


def test_the_stamp_is_made_below_the_root_and_no_link_is_followed() -> None:
    with Engine({"x.timer": DAILY, "x.service": NOTE}) as e:
        stamp = e.root / STAMP
        assert e.run("start", "x.timer") == "done"
        assert stamp.is_file()
        assert e.run("stop", "x.timer") == "done"
        yesterday = time.time() - 86400 * 2
        os.utime(stamp, (yesterday, yesterday))
        assert e.run("start", "x.timer") == "done"
        wait_for(lambda: notes(e) == ["x.service x.timer"], "what was missed to be made up for")
        assert stamp.stat().st_mtime > yesterday + 86400
        assert e.run("stop", "x.timer") == "done"
        stamp.unlink()
        other = e.root / "other"
        stamp.symlink_to(other)
        assert e.run("start", "x.timer") == "done"
        assert e.sub("x.timer") == "waiting"
        assert not other.exists()


def test_an_init_takes_them_over() -> None:
    with test_takeover.on_demand({"later.timer": LATER, "later.service": NOTE}) as e:
        assert e.run("start", "later.timer") == "done"
        assert e.process is not None
        with test_takeover.init(e):
            assert e.process.wait(20) == 0
            e.forget()
            wait_for(lambda: "later.service later.timer" in notes(e), "the timer to elapse under the init")


def test_fifty_timers_wake_nobody() -> None:
    units = {f"t{number}.timer": DAILY for number in range(50)}
    units.update({f"t{number}.service": NOTE for number in range(50)})
    with Engine(units) as e:
        for name in units:
            if name.endswith(".timer"):
                assert e.run("start", name) == "done"
        e.wait_idle()
        assert clocks_of(e) == 1
        e.forget()
        assert e.process is not None
        status = Path(f"/proc/{e.process.pid}/status")

        def switches() -> str:
            return next(line for line in status.read_text().split("\n") if line.startswith("voluntary"))

        last = [""]

        def settled() -> bool:
            before, last[0] = last[0], switches()
            time.sleep(0.5)  # the time in which nothing may happen
            return before == last[0] == switches()

        wait_for(settled, "the manager to sleep")
