"""The parts of the manager that need no processes."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Optional

import pytest
from hypothesis import given
from hypothesis import strategies as st

from systemctl_replacement import wire
from systemctl_replacement.loop import READ, WRITE, Loop, now_monotonic
from systemctl_replacement.manager import boot_skips, options, pid1, pid_file
from systemctl_replacement.manager.jobs import job_messages
from systemctl_replacement.manager.reexec import codec
from systemctl_replacement.unitfile import load, loadpath
from systemctl_replacement.unitfile.parsers.commands import ExecCommand
from systemctl_replacement.unitfile.specifiers import Host
from systemctl_replacement.units.commands.state import ExecStatus, Running
from systemctl_replacement.units.events import PidFileRead
from systemctl_replacement.units.ratelimit import below_limit
from systemctl_replacement.units.service.config import ServiceConfig
from systemctl_replacement.units.service.kind import KIND
from systemctl_replacement.units.service.state import ServiceState
from systemctl_replacement.units.simple import SimpleKind, SimpleState
from systemctl_replacement.units.table import TYPES


class Caught(list[tuple[str, BaseException]]):
    def __call__(self, where: str, error: BaseException) -> None:
        self.append((where, error))


def test_loop_calls_in_order_and_survives_exceptions() -> None:
    caught = Caught()
    seen: list[object] = []
    loop = Loop(caught)
    read_end, write_end = os.pipe()

    def ready(events: int) -> None:
        seen.append(("ready", events, os.read(read_end, 10)))
        raise RuntimeError("a defect")

    loop.add(read_end, READ, ready)
    loop.call_soon(lambda: os.write(write_end, b"x"))
    now = now_monotonic()
    loop.call_at(now + 20_000, lambda: seen.append("second"))
    loop.call_at(now + 10_000, lambda: seen.append("first"))
    loop.call_at(now + 15_000, lambda: seen.append("never")).cancel()
    loop.call_at(now + 30_000, loop.stop)
    loop.run()
    os.close(read_end)
    os.close(write_end)
    assert seen == [("ready", READ, b"x"), "first", "second"]
    assert [str(error) for _, error in caught] == ["a defect"]
    assert now_monotonic() >= now + 30_000


def test_loop_does_not_wake_before_a_deadline() -> None:
    loop = Loop(Caught())
    rounds = []
    wait = loop._wait

    def counted() -> object:
        rounds.append(time.monotonic())
        return wait()

    loop._wait = counted  # type: ignore[method-assign,assignment]
    loop.call_at(now_monotonic() + 50_500, loop.stop)
    loop.run()
    assert len(rounds) <= 2


def test_loop_waits_for_what_epoll_cannot_count() -> None:
    caught = Caught()
    loop = Loop(caught)
    loop.call_at(now_monotonic() + 10**16, loop.stop)
    read_end, write_end = os.pipe()
    loop.add(read_end, READ, lambda _events: loop.stop())
    os.write(write_end, b"x")
    loop.run()
    os.close(read_end)
    os.close(write_end)
    assert caught == []


def test_loop_events() -> None:
    loop = Loop(Caught())
    read_end, write_end = os.pipe()
    seen: list[int] = []

    def writable(events: int) -> None:
        seen.append(events)
        loop.remove(write_end)
        loop.stop()

    loop.add(write_end, WRITE, writable)
    loop.run()
    os.close(read_end)
    os.close(write_end)
    assert seen == [WRITE]


# --- states over a re-execution ---

_TEXT = st.text(max_size=5)
_COMMAND = st.builds(ExecCommand, _TEXT, st.tuples(_TEXT), st.booleans(), st.booleans(), st.sampled_from(["", "+"]))
_STAMP = st.tuples(st.integers(0, 2**50), st.integers(0, 2**50))
_STATUS = st.builds(ExecStatus, st.integers(0, 9), _STAMP, _STAMP, _TEXT, st.integers(0, 255))
_RUNNING = st.builds(Running, _TEXT, st.integers(0, 3), _COMMAND, st.integers(1, 9), st.integers(0, 9))
_SERVICE = st.builds(
    ServiceState,
    sub=_TEXT,
    main=st.none() | _RUNNING,
    control=st.none() | _RUNNING,
    main_status=_STATUS,
    statuses=st.lists(st.tuples(_TEXT, st.integers(0, 3), _STATUS), max_size=3).map(tuple),
    deadline=st.none() | st.integers(0, 2**60),
)


@given(_SERVICE | st.builds(SimpleState, _TEXT))
def test_states_come_back_as_they_went(state: object) -> None:
    records = (*KIND.records, *SimpleKind.records)
    assert codec.decode(wire.loads(wire.dumps(codec.encode(state, records))), records) == state


def test_states_of_another_version() -> None:
    records = SimpleKind.records
    data = codec.encode(SimpleState("active"), records)
    data["unknown"] = 1
    assert codec.decode(data, records) == SimpleState("active")
    del data["sub"]
    assert codec.decode(data, records) == SimpleState()


def test_what_cannot_travel_is_refused() -> None:
    with pytest.raises(TypeError):
        codec.encode(object())


# --- the command line of init ---


def test_options() -> None:
    parsed = options.parse(["--root=/x", "--unit", "y", "--stop-timeout=5s", "--log-level=debug", "a", "b.timer"])
    assert parsed.root == "/x"
    assert parsed.unit == "y.target"
    assert parsed.stop_timeout == 5_000_000
    assert parsed.log_level == 7
    assert parsed.units == ("a.service", "b.timer")


def test_options_of_systemds_own_are_accepted() -> None:
    words = [
        "--system",
        "--show-status=false",
        "--log-target",
        "console",
        "--default-standard-output=journal",
        "--crash-shell",
    ]
    assert options.parse(words) == options.InitOptions(show_status="no")
    assert options.parse(["-vvv", "--no-block", "-x"]) == options.InitOptions()


@pytest.mark.parametrize(
    ("word", "shown"),
    [
        ("--show-status", "yes"), ("--show-status=on", "yes"), ("--show-status=0", "no"),
        ("--show-status=full", "full"),
        ("--show-status=auto", "auto"), ("--show-status=error", "error"),
    ],
)  # fmt: skip
def test_what_is_shown(word: str, shown: str) -> None:
    assert options.parse([word]).show_status == shown


@pytest.mark.parametrize(
    "word",
    [
        "--log-console=", "--log-console=some", "--log-console-level=9",
        "--show-status=ful", "--show-status=", "--show-status=temporary", "--log-format=xml", "--log-format=",
        "--log-level=foo", "--log-level=8", "--log-level=", "--stop-timeout=abc", "--stop-timeout=0",
        "--stop-timeout=infinity", "--stop-timeout=", "--unit=", "--ready-fd=x", "--ready-fd=99999",
        "--ready-fd=-1", "--deserialize=x", "--deserialize=", "--on-demand=no", "--run-host-programs=no",
    ],
)  # fmt: skip
def test_bad_values_are_refused(word: str) -> None:
    with pytest.raises(options.UsageError, match=word.partition("=")[0] + "|log level|log format"):
        options.parse([word])


def test_what_is_no_option_is_known() -> None:
    assert options.parse(["--stop-timout=1", "a"]) == options.InitOptions(
        units=("a.service",), unknown=("--stop-timout=1",)
    )


@pytest.mark.parametrize(
    ("words", "unit"),
    [
        (["splash", "quiet"], ""),
        (["3", "root=/dev/sda1"], "multi-user.target"),
        (["--show-status=false", "single"], "rescue.target"),
        (["systemd.unit=x.service"], "x.service"),
        (["--unit", "y", "5"], "y.target"),
        (["--nonsense"], ""),
        (["default"], ""),
        (["emergency", "ro"], "emergency.target"),
    ],
)
def test_words_of_the_kernel_are_no_units(words: list[str], unit: str) -> None:
    parsed = options.parse_kernel(words)
    assert (parsed.unit, parsed.units) == (unit, ())


def test_other_words_are_units() -> None:
    assert options.parse_kernel(["nginx", "quiet", "b.timer"]).units == ("nginx.service", "b.timer")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--stop-timeout=never"], "Failed to parse --stop-timeout= parameter 'never'."),
        (["--log-level=loud"], "Failed to parse log level 'loud'."),
        (["--unit"], "Option --unit needs a value."),
        (["--ready-fd=x"], "Option --ready-fd needs a number, not 'x'."),
        (["0"], "init 0: there is no init yet that this could be said to."),
        (["a", "q"], "init q: there is no init yet that this could be said to."),
        (["a", "3"], "init a 3: '3' is a mode of the whole system, no unit."),
        ([""], "empty unit name"),
        (["--unit=" + "x" * 300], "--unit=: invalid unit name"),
    ],
)
def test_options_that_cannot_be_meant(words: list[str], message: str) -> None:
    with pytest.raises(options.UsageError, match="^" + message.replace("(", r"\(").replace(")", r"\)")):
        options.parse(words)


# --- small decisions ---


def test_start_limit() -> None:
    starts: list[int] = []
    allowed = []
    for now in (0, 1, 2, 3, 4, 14, 15):
        ok, starts = below_limit(starts, now, 10, 4)
        allowed.append(ok)
    assert allowed == [True, True, True, True, False, True, True]
    assert below_limit([0, 99], 1, 0, 5) == (True, [])
    assert below_limit([0, 99], 1, 10, 0) == (True, [])


def test_job_messages() -> None:
    service, target = TYPES["service"].load(), TYPES["target"].load()
    simple, oneshot = ServiceConfig(), ServiceConfig(type="oneshot")
    assert job_messages.message(service, simple, "start", "", "x") == (6, "Starting x...")
    assert job_messages.message(target, None, "start", "", "x") is None
    assert job_messages.message(service, oneshot, "start", "done", "x") == (6, "Finished x.")
    assert job_messages.message(target, None, "start", "done", "x") == (6, "Reached target x.")
    assert job_messages.message(service, simple, "start", "dependency", "x") == (4, "Dependency failed for x.")
    assert job_messages.message(service, simple, "start", "canceled", "x") is None


def test_skips(tmp_path: Path) -> None:
    (tmp_path / boot_skips.FILE_NAME).write_text(
        "# a comment\n*.mount  # by the engine\na b # two\n!data.mount\nlast.service\n"
        "roots.service not-root # for root\n"
    )
    problems: list[str] = []
    rules = boot_skips.read(str(tmp_path), str(tmp_path), problems.append, frozenset())
    assert rules.reason(["home.mount"]) == "by the engine"
    assert rules.reason(["data.mount"]) == ""
    assert rules.reason(["alias.service", "last.service"])
    assert rules.reason(["nginx.service"]) == ""
    assert rules.reason(["roots.service"]) == ""
    assert problems == [f"{tmp_path}/{boot_skips.FILE_NAME}:3: More than one pattern in a line, ignoring: a b"]
    users = boot_skips.circumstances(is_pid1=False, is_root=False, can_mount=True)
    rules = boot_skips.read(str(tmp_path), str(tmp_path), problems.append, users)
    assert (rules.reason(["home.mount"]), rules.reason(["roots.service"])) == ("by the engine", "for root")


def test_what_only_starts_units_that_are_skipped_is_skipped_with_them(tmp_path: Path) -> None:
    (tmp_path / boot_skips.FILE_NAME).write_text("left-out.service # for a test\nalso.service # too\n!kept.timer\n")
    rules = boot_skips.read(str(tmp_path), str(tmp_path), pytest.fail, frozenset())
    units = {
        "left-out.timer": "[Timer]\nOnBootSec=1h\n",
        "kept.timer": "[Timer]\nOnBootSec=1h\nUnit=left-out.service\n",
        "other.timer": "[Timer]\nOnBootSec=1h\n",
        "some.path": "[Path]\nPathExists=/x\nUnit=also.service\n",
        "left-out.socket": "[Socket]\nListenStream=/run/x\n",
        "x.socket": "[Socket]\nListenStream=/run/y\nAccept=yes\n",
    }
    for name, text in units.items():
        (tmp_path / name).write_text(text)
    index, host = loadpath.Index([str(tmp_path)]), Host.current()
    assert {name: rules.reason_of(load.load(name, index, host)) for name in units} == {
        "left-out.timer": "for a test",
        "kept.timer": "",
        "other.timer": "",
        "some.path": "too",
        "left-out.socket": "for a test",
        "x.socket": "",
    }


def test_signals_that_stop_are_those_that_engines_send() -> None:
    halting = {number for number, (what, _) in pid1.ACTIONS.items() if what == "halt"}
    assert halting == {2, 3, 15, 30, 37, 38, 39, 40}


# --- PID files ---


def read_pid(path: Path, owner: Optional[str] = "x.service") -> PidFileRead:
    def unsuitable(pid: int) -> str:
        return "" if pid == os.getppid() else f"New main PID {pid} cannot be."

    return pid_file.read(str(path), "start", 0, unsuitable, lambda pid: owner == "x.service")


def test_pid_file_of_a_process_of_the_unit(tmp_path: Path) -> None:
    (tmp_path / "pid").write_text(f"{os.getppid()}\n")
    answer = read_pid(tmp_path / "pid")
    assert (answer.pid, answer.alien) == (os.getppid(), False)


def test_pid_files_that_are_tricks(tmp_path: Path) -> None:
    good = tmp_path / "good"
    good.write_text(f"{os.getppid()}\n")
    (tmp_path / "loop").symlink_to("loop")
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "text").write_text("not a number\n")
    (tmp_path / "one").write_text("1\n")
    (tmp_path / "gone").write_text("2147483646\n")
    (tmp_path / "empty").write_text("")
    for name in ("loop", "fifo", "text", "one", "gone", "empty", "missing"):
        answer = read_pid(tmp_path / name)
        assert answer.pid == 0
        assert answer.message, name


def test_pid_file_of_a_foreign_process_needs_a_trusted_owner(tmp_path: Path) -> None:
    path = tmp_path / "pid"
    path.write_text(f"{os.getppid()}\n")
    assert read_pid(path, owner="other.service").alien
    if os.geteuid() == 0:
        os.chown(path, 12345, 12345)
        assert read_pid(path, owner="other.service").pid == 0


def test_pid_file_behind_links(tmp_path: Path) -> None:
    (tmp_path / "pid").write_text(f"{os.getppid()}\n")
    (tmp_path / "deep").mkdir()
    (tmp_path / "relative").symlink_to("deep/../pid")
    (tmp_path / "absolute").symlink_to(tmp_path / "relative")
    assert read_pid(tmp_path / "absolute").pid == os.getppid()
    assert read_pid(tmp_path / "absolute", owner="other.service").alien
    if os.geteuid() == 0:
        # A stranger's link to a file of root's is good for a process of the unit, but not for a foreign one.
        os.chown(tmp_path / "relative", 12345, 12345, follow_symlinks=False)
        assert read_pid(tmp_path / "absolute").pid == os.getppid()
        assert "unsafe" in read_pid(tmp_path / "absolute", owner="other.service").message


@pytest.mark.parametrize("number", ["987654", "9" * 30])
def test_a_descriptor_that_is_not_open_is_refused(number: str) -> None:
    with pytest.raises(options.UsageError, match=f"descriptor {number} is not open"):
        options.parse([f"--ready-fd={number}"])
    assert options.parse(["--ready-fd=0"]).ready_fd == 0
