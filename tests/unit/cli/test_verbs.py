"""Verbs end to end: a process of ours, the real protocol, a manager with canned answers.

The expected texts were taken from a running systemd 252.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from systemctl_replacement.cli import verbs
from tests.unit.cli.conftest import FakeManager, Run


@pytest.fixture(autouse=True)
def units(manager: FakeManager) -> FakeManager:
    manager.add("ok.service", Description="OK service")
    manager.add("fail.service", ActiveState="failed", SubState="failed", Result="exit-code")
    manager.add("off.service", ActiveState="inactive", SubState="dead")
    return manager


@pytest.mark.parametrize(
    ("arguments", "output", "status"),
    [
        (["is-active", "ok"], "active\n", 0),
        (["is-active", "ok", "nope", "fail"], "active\ninactive\nfailed\n", 0),
        (["is-active", "nope", "fail"], "inactive\nfailed\n", 3),
        (["-q", "is-active", "ok"], "", 0),
        (["is-active", "o*"], "active\n", 0),
        (["is-active", "--all", "o*"], "inactive\nactive\n", 0),
        (["is-active", "zzz*"], "", 3),
        (["is-failed", "ok", "nope"], "active\ninactive\n", 1),
        (["is-failed", "ok", "fail"], "active\nfailed\n", 0),
        (["is-system-running"], "running\n", 0),
        (["show-environment"], "A=1\nB=$'x y'\nC=$'it\\'s'\n", 0),
        (["log-level"], "info\n", 0),
        (["log-target"], "console\n", 0),
        (["list-jobs"], "No jobs running.\n", 0),
        (["show", "-p", "LoadState", "--value", "nope"], "not-found\n", 0),
        (["show", "-p", "MainPID,Id", "-p", "Bogus", "ok"], "MainPID=0\nId=ok.service\n", 0),
        (["-P", "Id", "show", "ok", "fail"], "ok.service\n\nfail.service\n", 0),
        (["show", "-p", "Job,Following", "ok"], "Following=\nJob=\n", 0),
        (["start", "ok"], "", 0),
        (["daemon-reload"], "", 0),
        (["kill", "-s", "HUP", "ok"], "", 0),
        (["list-units", "--plain", "--no-legend"], ("fail.service loaded failed failed  fail.service\n"
                                                   "ok.service   loaded active running OK service\n"), 0),
        (["--no-legend", "list-units", "ok.service"], "  ok.service loaded active running OK service\n", 0),
        (["--no-legend", "--failed"], "● fail.service loaded failed failed fail.service\n", 0),
    ],
)  # fmt: skip
def test_output(manager: FakeManager, arguments: list[str], output: str, status: int) -> None:
    done = manager.run(*arguments)
    assert (done.stdout, done.stderr, done.returncode) == (output, "", status)


def test_degraded_is_not_running(manager: FakeManager) -> None:
    manager.state = "degraded"
    done = manager.run("is-system-running")
    assert (done.stdout, done.returncode) == ("degraded\n", 1)


SEE = 'See "systemctl status a.service" and "journalctl -xeu a.service" for details.\n'


@pytest.mark.parametrize(
    ("verb", "outcome", "text", "status"),
    [
        ("start", {"result": "canceled"}, "Job for a.service canceled.\n", 1),
        ("start", {"result": "timeout"}, "Job for a.service timed out.\n", 1),
        (
            "start",
            {"result": "dependency"},
            "A dependency job for a.service failed. See 'journalctl -xe' for details.\n",
            1,
        ),
        ("reload", {"result": "invalid"}, "a.service is not active, cannot reload.\n", 1),
        ("start", {"result": "assert"}, "Assertion failed on job for a.service.\n", 1),
        ("start", {"result": "skipped"}, "", 0),
        (
            "start",
            {"result": "failed", "service_result": "exit-code"},
            f"Job for a.service failed because the control process exited with error code.\n{SEE}",
            1,
        ),
        (
            "restart",
            {"result": "failed", "service_result": "start-limit-hit"},
            (
                "Job for a.service failed because start of the service was attempted too often.\n"
                f'{SEE}To force a start use "systemctl reset-failed a.service"\n'
                'followed by "systemctl start a.service" again.\n'
            ),
            1,
        ),
        ("start", {"result": "failed"}, f"Job for a.service failed.\n{SEE}", 1),
        (
            "start",
            {"error": ("org.freedesktop.systemd1.NoSuchUnit", "Unit a.service not found.")},
            "Failed to start a.service: Unit a.service not found.\n",
            5,
        ),
        (
            "condrestart",
            {"error": ("org.freedesktop.systemd1.UnitMasked", "Unit a.service is masked.")},
            "Failed to try-restart a.service: Unit a.service is masked.\n",
            1,
        ),
        (
            "reload",
            {
                "error": (
                    "org.freedesktop.systemd1.JobTypeNotApplicable",
                    "Job type reload is not applicable for unit a.service.",
                )
            },
            "Failed to reload a.service: Job type reload is not applicable for unit a.service.\n",
            3,
        ),
        (
            "stop",
            {"error": ("org.freedesktop.systemd1.OnlyByDependency", "Operation refused.")},
            (
                "Failed to stop a.service: Operation refused.\n"
                "See system logs and 'systemctl status a.service' for details.\n"
            ),
            4,
        ),
    ],
)
def test_results_of_jobs(manager: FakeManager, verb: str, outcome: dict[str, object], text: str, status: int) -> None:
    error = outcome.get("error")
    if isinstance(error, tuple):
        outcome = {"error": {"dbus_name": error[0], "message": error[1]}, "id": 0, "job_type": ""}
    manager.outcomes["a.service"] = outcome
    done = manager.run(verb, "a")
    assert (done.stderr, done.stdout, done.returncode) == (text, "", status)


def test_one_of_several_fails(manager: FakeManager) -> None:
    error = {"dbus_name": "org.freedesktop.systemd1.NoSuchUnit", "message": "Unit b.service not found."}
    manager.outcomes["b.service"] = {"error": error, "id": 0}
    done = manager.run("start", "a", "b", "c")
    assert done.returncode == 5
    assert manager.calls[0][1]["names"] == ["a.service", "b.service", "c.service"]


@pytest.mark.parametrize(
    ("verb", "operation"),
    [
        ("force-reload", "reload-or-try-restart"),
        ("try-reload-or-restart", "reload-or-try-restart"),
        ("condrestart", "try-restart"),
        ("condstop", "stop"),
        ("reload-or-restart", "reload-or-restart"),
    ],
)
def test_operations(manager: FakeManager, verb: str, operation: str) -> None:
    assert manager.run("--no-block", "--job-mode=fail", verb, "a.socket").returncode == 0
    call = manager.calls[0][1]
    assert (call["operation"], call["mode"], call["wait"]) == (operation, "fail", False)


def test_isolate_and_default(manager: FakeManager) -> None:
    manager.run("isolate", "rescue")
    manager.run("default")
    assert [(call["names"], call["mode"]) for _, call in manager.calls] == [
        (["rescue.target"], "isolate"),
        (["default.target"], "isolate"),
    ]


def test_stop_warns_of_what_may_start_it_again(manager: FakeManager) -> None:
    manager.add("trig.path")
    manager.add("off.socket", ActiveState="inactive")
    manager.units["ok.service"]["TriggeredBy"] = ["trig.path", "off.socket"]
    done = manager.run("stop", "ok")
    warning = "Warning: Stopping ok.service, but it can still be activated by:\n  trig.path\n"
    assert done.stderr == warning
    # It comes last, and only of what has been stopped.
    manager.outcomes["nope.service"] = {"error": {"dbus_name": "x.Y", "message": "No."}, "id": 0, "job_type": ""}
    assert manager.run("stop", "nope", "ok").stderr.splitlines()[-2:] == warning.splitlines()
    assert [manager.run("stop", word, "ok").stderr for word in ("-q", "--no-block", "--no-warn")] == ["", "", ""]
    manager.add("trig.path", Accept=True)
    manager.units["ok.service"]["ActiveState"] = "inactive"
    assert manager.run("stop", "ok").stderr == ""
    manager.outcomes["ok.service"] = {"result": "timeout"}
    assert manager.run("stop", "ok").stderr == "Job for ok.service timed out.\n"


def test_escaping_is_announced(manager: FakeManager) -> None:
    done = manager.run("start", "a/b")
    assert done.stderr == ('Invalid unit name "a/b" escaped as "a-b" (maybe you should use systemd-escape?).\n')
    assert manager.calls[0][1]["names"] == ["a-b.service"]


def test_environment(manager: FakeManager) -> None:
    manager.run("set-environment", "A=1", "B=2")
    manager.run("unset-environment", "A")
    done = manager.run("import-environment", "PATH", "NOPE")
    assert done.stderr == "Environment variable $NOPE not set, ignoring.\n"
    assert [name for name, _ in manager.calls] == ["SetEnvironment", "UnsetEnvironment", "SetEnvironment"]
    assert manager.calls[2][1]["assignments"] == [f"PATH={os.environ['PATH']}"]


def test_kill_and_reset_failed_name_the_unit(manager: FakeManager) -> None:
    manager.failures["nope.service"] = ("org.freedesktop.systemd1.NoSuchUnit", "Unit nope.service not loaded.")
    done = manager.run("kill", "--kill-who=main", "-sUSR1", "nope", "ok")
    assert (done.stderr, done.returncode) == ("Failed to kill unit nope.service: Unit nope.service not loaded.\n", 1)
    assert manager.calls[1][1] == {"name": "ok.service", "whom": "main", "signal": 10}
    done = manager.run("reset-failed", "nope")
    assert done.stderr == "Failed to reset failed state of unit nope.service: Unit nope.service not loaded.\n"


@pytest.mark.parametrize(("word", "status"), [("7", 0), ("300", 1), ("x", 1)])
def test_exit(manager: FakeManager, word: str, status: int) -> None:
    done = manager.run("exit", word)
    assert done.returncode == status
    if status == 0:
        assert manager.calls == [("Halt", {"verb": "exit", "exit_status": 7, "force": 0})]
    else:
        assert done.stderr == "Invalid exit code.\n"


def test_list_units_legend_and_jobs(manager: FakeManager) -> None:
    manager.jobs = [{"id": 12, "unit": "off.service", "job_type": "start", "state": "waiting"}]
    manager.units["off.service"]["SubState"] = "start-pre"
    done = manager.run("list-units", LANG="C")
    assert done.stdout == (
        "  UNIT         LOAD   ACTIVE   SUB       JOB   DESCRIPTION\n"
        "* fail.service loaded failed   failed          fail.service\n"
        "  off.service  loaded inactive start-pre start off.service\n"
        "  ok.service   loaded active   running         OK service\n"
        "\n"
        "LOAD   = Reflects whether the unit definition was properly loaded.\n"
        "ACTIVE = The high-level unit activation state, i.e. generalization of SUB.\n"
        "SUB    = The low-level unit activation state, values depend on unit type.\n"
        "JOB    = Pending job for the unit.\n"
        "\n"
        "3 loaded units listed. Pass --all to see loaded but inactive units, too.\n"
        "To show all installed unit files use 'systemctl list-unit-files'.\n"
    )
    done = manager.run("list-jobs")
    assert done.stdout == "JOB UNIT        TYPE  STATE\n12  off.service start waiting\n\n1 jobs listed.\n"


def test_list_units_json(manager: FakeManager) -> None:
    done = manager.run("list-units", "-ojson", "ok*")
    assert done.stdout == (
        '[{"unit":"ok.service","load":"loaded","active":"active","sub":"running","description":"OK service"}]\n'
    )


def test_status(manager: FakeManager) -> None:
    manager.add(
        "web.service",
        Description="Web",
        FragmentPath="",
        DropInPaths=["/d/web.service.d/a.conf", "/d/web.service.d/b.conf"],
        Documentation=["man:web(8)", "https://example.com/"],
        ActiveEnterTimestamp=1_600_000_000_000_000,
        MainPID=os.getpid(),
        StatusText="fine",
        ExecStartPre=[{"path": "/bin/true", "argv": ["/bin/true", "x"], "pid": 5, "code": 1, "status": 0}],
        ExecStart=[{"path": "/bin/web", "argv": ["/bin/web"], "pid": 6, "code": 0, "status": 0}],
    )
    done = manager.run("status", "web", LANG="C")
    lines = done.stdout.splitlines()
    assert lines[:5] == [
        "* web.service - Web",
        "     Loaded: loaded",
        "    Drop-In: /d/web.service.d",
        "             `-a.conf, b.conf",
        lines[4],
    ]
    assert lines[4].startswith("     Active: active (running) since Sun 2020-09-13 12:26:40 UTC; ")
    assert lines[5:] == [
        "       Docs: man:web(8)",
        "             https://example.com/",
        "    Process: 5 ExecStartPre=/bin/true x (code=exited, status=0/SUCCESS)",
        f"   Main PID: {os.getpid()} ({Path('/proc/self/comm').read_text().strip()})",
        '     Status: "fine"',
    ]
    assert done.returncode == 0


def test_status_shows_processes(manager: FakeManager) -> None:
    manager.processes["ok.service"] = [os.getpid(), os.getppid()]
    lines = manager.run("status", "ok").stdout.splitlines()
    start = lines.index("     CGroup: /system.slice/ok.service")
    assert [line.split()[0][:2] for line in lines[start + 1 : start + 3]] == ["├─", "└─"]
    assert any(line.startswith("      Tasks: ") for line in lines)
    assert any(line.startswith("     Memory: ") for line in lines)


def test_status_shows_the_control_groups_of_units_without_processes(manager: FakeManager) -> None:
    manager.add("a.socket", SubState="listening", ControlGroup="/system.slice/a.socket")
    assert manager.run("status", "a.socket").stdout.splitlines()[-1] == "     CGroup: /system.slice/a.socket"
    manager.units["ok.service"]["ControlGroup"] = "/system.slice/ok.service"  # systemd gives up an empty one
    assert "CGroup" not in manager.run("status", "ok").stdout


def test_status_of_a_slice_shows_what_is_in_it(manager: FakeManager) -> None:
    manager.add("c.slice", ControlGroup="/c.slice", SliceOf=["c.service", "c-d.slice", "off.service"])
    manager.add("c-d.slice", ControlGroup="/c.slice/c-d.slice", SliceOf=["a.service", "b.service"])
    manager.processes.update({"c.service": [os.getpid()], "a.service": [os.getppid()], "b.service": [os.getpid()]})
    for name in ("a.service", "b.service", "c.service"):
        manager.add(name)
    lines = manager.run("status", "c.slice").stdout.splitlines()
    start = lines.index("     CGroup: /c.slice")
    assert any(line.startswith("      Tasks: ") for line in lines[:start])
    assert [re.sub(r"\d+ .*", "PID", line[13:]) for line in lines[start + 1 :]] == [
        "├─c-d.slice",
        "│ ├─a.service",
        "│ │ └─PID",
        "│ └─b.service",
        "│   └─PID",
        "└─c.service",
        "  └─PID",
    ]


def test_status_of_failed_and_unknown_units(manager: FakeManager) -> None:
    manager.units["fail.service"].update(
        ExecMainPID=7, ExecMainCode=2, ExecMainStatus=9, InactiveEnterTimestamp=1_600_000_000_000_000
    )
    done = manager.run("status", "fail", "nope")
    assert done.stderr == "Unit nope.service could not be found.\n"
    assert done.returncode == 3  # the first one's
    assert manager.run("status", "nope", "fail").returncode == 4
    lines = done.stdout.splitlines()
    assert lines[0] == "× fail.service"
    assert lines[2].startswith("     Active: failed (Result: exit-code) since Sun 2020-09-13 12:26:40 UTC; ")
    assert lines[3] == "   Main PID: 7 (code=killed, signal=KILL)"
    assert manager.run("status", "fail").returncode == 3


def test_status_log(manager: FakeManager) -> None:
    manager.units["ok.service"]["InactiveExitTimestampMonotonic"] = 100
    directory = manager.root / "var/log/systemctl-replacement"
    directory.mkdir(parents=True)
    record = (
        '{"__REALTIME_TIMESTAMP":"%d","__MONOTONIC_TIMESTAMP":"%d","MESSAGE":"%s","_PID":"5","_SYSTEMD_UNIT":"ok.service",'
        '"SYSLOG_IDENTIFIER":"sh","_HOSTNAME":"host"}\n'
    )
    journal = directory / "ok.service.journal.jsonl"
    journal.write_text("".join(record % (usec, usec, f"line {usec}") for usec in (50, 150, 160, 170)))
    lines = manager.run("-n2", "status", "ok").stdout.splitlines()
    assert lines[-3:] == ["", "Jan 01 00:00:00 host sh[5]: line 160", "Jan 01 00:00:00 host sh[5]: line 170"]
    assert "line 50" not in manager.run("status", "ok").stdout
    assert "line" not in manager.run("-n0", "status", "ok").stdout


def test_list_dependencies(manager: FakeManager) -> None:
    manager.add("top.target", Wants=["ok.service", "sub.target"], Requires=["fail.service"])
    manager.add("sub.target", Wants=["off.service", "ok.service"])
    manager.units["ok.service"]["WantedBy"] = ["top.target"]
    assert manager.run("list-dependencies", "top.target").stdout == (
        "top.target\n● ├─ok.service\n".replace("● ├─ok", "× ├─fail.service\n● ├─ok")
        + "● └─sub.target\n○   └─off.service\n"
    )
    assert manager.run("list-dependencies", "--plain", "--reverse", "ok").stdout == "ok.service\n  top.target\n"


def test_templates_have_no_state(manager: FakeManager) -> None:
    done = manager.run("is-active", "ok", "t@", "fail")
    assert (done.stdout, done.returncode) == ("active\n", 1)
    assert "Unit name t@.service is neither a valid invocation ID nor unit name.\n" in done.stderr


def test_clean_removes_what_was_asked_for(manager: FakeManager) -> None:
    manager.add("kept.service", ActiveState="inactive", StateDirectory=["a/b"], CacheDirectory=["a"])
    state, cache = manager.root / "var/lib/a/b", manager.root / "var/cache/a"
    for directory in (state, cache):
        directory.mkdir(parents=True)
        (directory / "file").touch()
    assert manager.run("clean", "kept").returncode == 0
    assert (state.exists(), cache.exists()) == (True, False)
    assert manager.run("clean", "--what=state", "kept").returncode == 0
    assert (state.exists(), state.parent.exists()) == (False, True)
    refused = manager.run("clean", "--what=logs", "kept", "ok")
    assert refused.stderr == (
        "Failed to clean unit kept.service: No matching resources found.\n"
        "Failed to clean unit ok.service: Unit is not inactive or has pending job.\n"
    )
    assert refused.returncode == 1


def test_clean_removes_a_stamp_file(manager: FakeManager) -> None:
    manager.add("a.socket", ActiveState="inactive", StampFile="/var/lib/stamps/a")
    stamp = manager.root / "var/lib/stamps/a"
    stamp.parent.mkdir(parents=True)
    stamp.touch()
    for words in ([], ["--what=all"], ["--what=state,cache"]):
        assert manager.run("clean", *words, "a.socket").stderr.endswith(": No matching resources found.\n")
    assert stamp.exists()
    for _ in range(2):
        done = manager.run("clean", "--what=state", "a.socket")
        assert (done.stderr, done.returncode) == ("", 0)
    assert not stamp.exists()


def test_verbs_that_are_not_available_say_so(manager: FakeManager) -> None:
    done = manager.run("set-property", "ok", "A=1")
    assert (done.stderr, done.returncode) == ("systemctl-replacement: verb set-property is not available yet\n", 1)


@pytest.mark.parametrize("module", sorted({module for _, _, module in verbs.VERBS.values() if module}))
def test_a_module_has_the_verbs_that_lead_to_it(module: str) -> None:
    assert set(verbs._load(module)) == {verb for verb, (_, _, where) in verbs.VERBS.items() if where == module}


def test_changing_verbs_below_a_root_need_its_manager(run: Run, tmp_path: Path) -> None:
    root = str(tmp_path / "empty")
    done = run("--root", root, "start", "x")
    assert (done.stderr, done.returncode) == ("Verb 'start' cannot be used with --root= or --image=.\n", 1)
    done = run("--root", root, "is-active", "x")
    assert (done.stdout, done.returncode) == ("inactive\n", 3)


def test_systemd_offline(manager: FakeManager) -> None:
    done = manager.run("start", "ok", SYSTEMD_OFFLINE="1")
    assert (done.stderr, done.returncode) == ("Running in chroot, ignoring command 'start'\n", 0)
    assert manager.calls == []
    done = manager.run("is-system-running", SYSTEMD_OFFLINE="1")
    assert (done.stdout, done.returncode) == ("offline\n", 1)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A root with one unit file, and no manager."""
    directory = tmp_path / "root/etc/systemd/system"
    directory.mkdir(parents=True)
    (directory / "a.service").write_text("[Service]\nExecStart=/bin/true\n")
    return tmp_path / "root"


def test_the_slice_of_a_unit_is_one_name_without_a_manager(run: Run, files: Path) -> None:
    assert run(f"--root={files}", "show", "-p", "Slice", "a").stdout == "Slice=system.slice\n"


def test_what_has_no_files_does_not_keep_cat_from_the_others(run: Run, files: Path) -> None:
    done = run(f"--root={files}", "cat", "nowhere", "a")
    assert (done.stderr, done.returncode) == ("No files found for nowhere.service.\n", 1)
    assert "ExecStart=/bin/true" in done.stdout


def test_version_has_two_lines(run: Run) -> None:
    lines = run("--version").stdout.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("systemd 252 (")


def imported_by(manager: FakeManager, *arguments: str) -> set[str]:
    """The modules that a command has imported when it is done."""
    import subprocess
    import sys

    code = (
        "import sys; sys.path.insert(0, sys.argv.pop(1))\n"
        "from systemctl_replacement.cli.main import main\n"
        "main(sys.argv)\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    here = str(Path(__file__).parents[3])
    done = subprocess.run(
        [sys.executable, "-ISXutf8", "-c", code, here, f"--root={manager.root}", *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout
    return set(done.stderr.split())


def test_the_hot_path_imports_little(manager: FakeManager) -> None:
    heavy = {"dataclasses", "re", "json", "argparse", "typing", "enum", "socket", "subprocess"}
    assert not imported_by(manager, "is-active", "ok") & heavy


@pytest.mark.parametrize("words", [("is-active", "ok"), ("show", "ok"), ("show",)], ids=" ".join)
def test_who_asks_a_manager_needs_no_table_of_directives(manager: FakeManager, words: tuple[str, ...]) -> None:
    tables = [name for name in imported_by(manager, *words) if "directives" in name or "parsers" in name]
    assert not tables
