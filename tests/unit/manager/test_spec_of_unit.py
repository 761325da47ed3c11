"""What a unit's settings become in what its processes are given."""

from __future__ import annotations

import errno
import socket
from pathlib import Path
from typing import Any

import pytest

from systemctl_replacement.defaults import SEARCH_PATH
from systemctl_replacement.manager.passed_descriptors import NOTHING, Offered, offered_to, remote_variables
from systemctl_replacement.manager.spec_of_unit import ExecDefaults, NoDescriptor, spec_of, wants_descriptors
from systemctl_replacement.manager.unit import ManagedUnit
from systemctl_replacement.process.exec_spec import (
    Environment,
    ExecSpec,
    Launch,
    Scheduling,
    Stream,
    WorkingDirectory,
    decode,
    encode,
)
from systemctl_replacement.records import replace
from systemctl_replacement.unitfile.directives.exec import EXEC
from systemctl_replacement.unitfile.directives.kill import KILL
from systemctl_replacement.unitfile.directives.sandbox import SANDBOX
from systemctl_replacement.unitfile.directives.service import SERVICE
from systemctl_replacement.unitfile.load import load
from systemctl_replacement.unitfile.loadpath import Index
from systemctl_replacement.unitfile.manager_config import ManagerConfig
from systemctl_replacement.unitfile.parsers.commands import ExecCommand
from systemctl_replacement.unitfile.specifiers import Host
from systemctl_replacement.units.events import Spawn
from systemctl_replacement.units.kind import Kind
from systemctl_replacement.units.service.config import ServiceConfig

HONOURED = [row.name for row in (*EXEC, *SANDBOX, *KILL, *SERVICE) if row.honoured.applied]

# A value that changes something, for every directive of systemd.exec(5), systemd.kill(5) and systemd.service(5) that is
# honoured; and what else the unit must set for it to mean anything.
SAMPLES: dict[str, tuple[str, str]] = {
    "WorkingDirectory": ("/tmp", ""),
    "RootDirectory": ("/srv", ""),
    "User": ("daemon", ""),
    "Group": ("daemon", ""),
    "SupplementaryGroups": ("games", ""),
    "Nice": ("5", ""),
    "OOMScoreAdjust": ("5", ""),
    "CoredumpFilter": ("all", ""),
    "IOSchedulingClass": ("idle", ""),
    "IOSchedulingPriority": ("2", ""),
    "CPUSchedulingPolicy": ("batch", ""),
    "CPUSchedulingPriority": ("3", "CPUSchedulingPolicy=fifo"),
    "CPUSchedulingResetOnFork": ("yes", "CPUSchedulingPolicy=batch"),
    "CPUAffinity": ("0", ""),
    "UMask": ("0077", ""),
    "Environment": ("A=b", ""),
    "EnvironmentFile": ("/etc/default/a", ""),
    "PassEnvironment": ("INHERITED", ""),
    "UnsetEnvironment": ("PATH", ""),
    "DynamicUser": ("yes", ""),
    "RemoveIPC": ("yes", "User=daemon"),
    "StandardInput": ("tty", ""),
    "StandardOutput": ("null", ""),
    "StandardError": ("null", ""),
    "StandardInputText": ("words", ""),
    "StandardInputData": ("aGVsbG8K", ""),
    "TTYPath": ("/dev/tty5", ""),
    "SyslogIdentifier": ("word", ""),
    "SyslogFacility": ("mail", ""),
    "SyslogLevel": ("debug", ""),
    "SyslogLevelPrefix": ("no", ""),
    "LogLevelMax": ("err", ""),
    "LogExtraFields": ("A=b", ""),
    "LogRateLimitIntervalSec": ("5", ""),
    "LogRateLimitBurst": ("7", ""),
    "SecureBits": ("keep-caps", ""),
    "CapabilityBoundingSet": ("CAP_CHOWN", ""),
    "AmbientCapabilities": ("CAP_CHOWN", ""),
    "TimerSlackNSec": ("1ms", ""),
    "NoNewPrivileges": ("yes", ""),
    "MemoryDenyWriteExecute": ("yes", ""),
    "ExecSearchPath": ("/opt/bin", ""),
    "Personality": ("x86", ""),
    "IgnoreSIGPIPE": ("no", ""),
    **{f"Limit{name}": ("15", "") for name in (
        "CPU", "FSIZE", "DATA", "STACK", "CORE", "RSS", "NOFILE", "AS", "NPROC", "MEMLOCK", "LOCKS", "SIGPENDING",
        "MSGQUEUE", "NICE", "RTPRIO", "RTTIME",
    )},
    **{f"{kind}Directory": ("a", "") for kind in ("Runtime", "State", "Cache", "Logs", "Configuration")},
    **{
        f"{kind}DirectoryMode": ("0700", f"{kind}Directory=a")
        for kind in ("Runtime", "State", "Cache", "Logs", "Configuration")
    },
    "RuntimeDirectoryPreserve": ("yes", "RuntimeDirectory=a"),
    "SetCredential": ("a:b", ""),
    "LoadCredential": ("a:/etc/hostname", ""),
    "ImportCredential": ("a.*", ""),
    "SendSIGKILL": ("no", ""),
    "SendSIGHUP": ("yes", ""),
    "KillMode": ("process", ""),
    "KillSignal": ("SIGINT", ""),
    "RestartKillSignal": ("SIGINT", ""),
    "FinalKillSignal": ("SIGABRT", ""),
    "WatchdogSignal": ("SIGINT", ""),
    "OpenFile": ("/etc/hosts:hosts", ""),
    "PermissionsStartOnly": ("yes", "User=daemon"),
    "RootDirectoryStartOnly": ("yes", "RootDirectory=/srv"),
    "PIDFile": ("/run/a.pid", ""),
    **{f"Exec{phase}": ("/bin/false", "Type=oneshot") for phase in (
        "Condition", "StartPre", "Start", "StartPost", "Reload", "Stop", "StopPost",
    )},
    **dict.fromkeys((
        "RestartSec", "TimeoutSec", "TimeoutStartSec", "TimeoutStopSec", "TimeoutAbortSec", "RuntimeMaxSec",
        "RuntimeRandomizedExtraSec", "WatchdogSec", "RestartMaxDelaySec",
    ), ("7s", "")),
    **{f"Timeout{name}FailureMode": ("abort", "") for name in ("Start", "Stop")},
    "StartLimitInterval": ("7s", ""),
    "StartLimitBurst": ("7", ""),
    **dict.fromkeys(("StartLimitAction", "FailureAction"), ("exit", "")),
    "Type": ("forking", ""),
    "ExitType": ("cgroup", ""),
    "Restart": ("always", ""),
    "RestartMode": ("direct", ""),
    "RestartSteps": ("7", ""),
    "RemainAfterExit": ("yes", ""),
    "GuessMainPID": ("no", ""),
    **dict.fromkeys(("RestartPreventExitStatus", "RestartForceExitStatus", "SuccessExitStatus"), ("7", "")),
    "BusName": ("a.b", ""),
    "NonBlocking": ("yes", ""),
    "Sockets": ("b.socket", ""),
    "FileDescriptorStoreMax": ("7", ""),
    "NotifyAccess": ("all", ""),
    "ReloadSignal": ("SIGUSR1", "Type=notify-reload"),
}  # fmt: skip

# Those that change nothing that a process is given, and where they act instead.
SUPERVISOR = "what the unit's supervisor is told of its journal"
MACHINE = "the service's machine"
UNIT = "what its other name in [Unit] says, for all kinds of units"
DEPENDENCIES = "the unit's dependencies"
OTHER_COMMANDS = "the commands other than ExecStart="
FOR_PROCESSES = ("NonBlocking", "OpenFile", "PIDFile")
ELSEWHERE = {
    "SyslogFacility": SUPERVISOR,
    "SyslogLevel": SUPERVISOR,
    "SyslogLevelPrefix": SUPERVISOR,
    "LogLevelMax": SUPERVISOR,
    "LogExtraFields": SUPERVISOR,
    "LogRateLimitIntervalSec": SUPERVISOR,
    "LogRateLimitBurst": SUPERVISOR,
    "RuntimeDirectoryPreserve": MACHINE,
    "SendSIGKILL": MACHINE,
    "SendSIGHUP": MACHINE,
    "KillMode": MACHINE,
    "KillSignal": MACHINE,
    "RestartKillSignal": MACHINE,
    "FinalKillSignal": MACHINE,
    "WatchdogSignal": MACHINE,
    **{row.name: MACHINE for row in SERVICE if row.honoured.applied and row.name not in FOR_PROCESSES},
    "Sockets": DEPENDENCIES,
    **dict.fromkeys(("StartLimitInterval", "StartLimitBurst", "StartLimitAction", "FailureAction"), UNIT),
    **dict.fromkeys(("PermissionsStartOnly", "RootDirectoryStartOnly"), OTHER_COMMANDS),
}

DEFAULTS = ExecDefaults("", ManagerConfig(), {"INHERITED": "1"})


def managed(directory: Path, settings: str) -> ManagedUnit:
    (directory / "a.service").write_text(f"[Service]\nExecStart=/bin/true\n{settings}\n")
    file = load("a.service", Index([str(directory)]), Host())
    assert not file.problems, file.problems
    unit = ManagedUnit(file)
    unit.config = ServiceConfig.from_unit(file, DEFAULTS.config)
    return unit


def spec(
    unit: ManagedUnit,
    phase: str = "ExecStart",
    prefix: str = "",
    defaults: ExecDefaults = DEFAULTS,
    offered: Offered = NOTHING,
) -> ExecSpec:
    command = ExecCommand("/bin/true", ("/bin/true",), privileged=prefix)
    return spec_of(defaults, unit, Spawn(1, phase, command, main=phase == "ExecStart"), offered)


def supervisor_settings(unit: ManagedUnit) -> dict[str, Any]:
    return DEFAULTS.supervisor_settings(unit, 7, 7)


@pytest.mark.parametrize("name", HONOURED)
def test_every_honoured_directive_reaches_the_process(tmp_path: Path, name: str) -> None:
    """A directive that is parsed and not sent would be honoured in name only."""
    assert name in SAMPLES, f"{name}= is honoured: give a value that changes what a process is given"
    value, companions = SAMPLES[name]
    before, after = managed(tmp_path, companions), managed(tmp_path, f"{companions}\n{name}={value}")
    where = ELSEWHERE.get(name)
    if where is None:
        assert spec(before) != spec(after)
    elif where == SUPERVISOR:
        assert supervisor_settings(before) != supervisor_settings(after)
    elif where == UNIT:
        section, other = next(row for row in SERVICE if row.name == name).sets[0]
        assert (section, other) in after.file.settings and (section, other) not in before.file.settings
    elif where == DEPENDENCIES:
        assert before.file.dependencies != after.file.dependencies
    elif where == OTHER_COMMANDS:
        assert spec(before, "ExecStop") != spec(after, "ExecStop")
    else:
        assert before.config != after.config
    assert decode(encode(spec(after))) == spec(after)


def test_only_what_acts_elsewhere_is_excused() -> None:
    assert set(ELSEWHERE) <= set(HONOURED)
    assert set(SAMPLES) == set(HONOURED)


def test_a_unit_that_asks_for_nothing(tmp_path: Path) -> None:
    assert spec(managed(tmp_path, "")) == ExecSpec(
        launch=Launch("/bin/true", role="main", starts_service=True),
        argv=("/bin/true",),
        expand_variables=True,
        environment=Environment(
            assignments=("LANG=C.UTF-8", f"PATH={':'.join(SEARCH_PATH)}"), pid_variables=("SYSTEMD_EXEC_PID",)
        ),
        scheduling=Scheduling(),
    )


def test_prefixes(tmp_path: Path) -> None:
    unit = managed(tmp_path, "User=daemon")
    assert spec(unit, prefix="+").privileged
    assert spec(unit, prefix="!").identity == replace(spec(unit).identity, only_looked_up=True)


def test_settings_for_the_main_command_alone(tmp_path: Path) -> None:
    unit = managed(tmp_path, "User=daemon\nRootDirectory=/srv\nPermissionsStartOnly=yes\nRootDirectoryStartOnly=yes")
    assert not spec(unit).privileged and spec(unit).sandbox.root_directory == "/srv"
    other = spec(unit, "ExecStop")
    assert other.privileged and not other.sandbox.root_directory
    assert other.working_directory == WorkingDirectory("/srv/")


def test_defaults_in_system_conf(tmp_path: Path) -> None:
    config = ManagerConfig(default_oom_score_adjust=5, timer_slack=7, no_new_privileges=True)
    defaults = ExecDefaults("", config, {})

    def given(settings: str) -> tuple[int | None, int | None, bool]:
        found = spec(managed(tmp_path, settings), defaults=defaults)
        scheduling = found.scheduling
        return scheduling.oom_score_adjust, scheduling.timer_slack, found.sandbox.no_new_privileges

    assert given("") == (5, 7, True)
    # What is set for all processes of the system, no unit is spared.
    assert given("OOMScoreAdjust=0\nTimerSlackNSec=1\nNoNewPrivileges=no") == (0, 1, True)


def test_extra_fields_are_none_that_a_line_has_itself(tmp_path: Path) -> None:
    extra = "LogExtraFields=MESSAGE=x MESSAGE_ID=y PRIORITY=0 SYSLOG_FACILITY=local0 SYSLOG_IDENTIFIER=z SYSLOG_PID=1"
    for facility, expected in (("", {}), ("SyslogFacility=local1\n", {"SYSLOG_FACILITY": "17"})):
        settings = supervisor_settings(managed(tmp_path, facility + extra))
        fields = settings["journal"]["fields"]
        own = {name: value for name, value in fields.items() if not name.startswith("_")}
        assert own == {"MESSAGE_ID": "y", **expected}
        assert settings["collector"]["journal"]["fields"] == {"MESSAGE_ID": "y"}


# --- descriptors ---


def test_a_socket_as_standard_streams(tmp_path: Path) -> None:
    """Nothing else is passed then; what is inherited from it is the socket, too."""
    unit = managed(tmp_path, "StandardInput=socket")
    sent = spec(unit, offered=Offered(("a.socket", "stored"), (7, 8), sockets=1))
    assert (sent.streams.stdin, sent.streams.stdout, sent.passed) == (Stream("fd"), Stream("inherit"), ())
    for names, sockets, said in (((), 0, "Got no socket."), (("a", "b"), 2, "Got more than one socket.")):
        with pytest.raises(NoDescriptor) as caught:
            spec(unit, offered=Offered(names, tuple(range(sockets)), sockets))
        assert (caught.value.said, caught.value.errno) == (said, errno.EINVAL)


def test_named_descriptors_as_standard_streams(tmp_path: Path) -> None:
    """Each goes to one stream only. They are passed all the same."""
    unit = managed(tmp_path, "StandardInput=fd:b\nStandardError=fd:b")
    offered = Offered(("a", "b", "b"), (7, 8, 9), sockets=2)
    sent = spec(unit, offered=offered)
    assert (sent.streams.stdin, sent.streams.stderr) == (Stream("fd", position=1), Stream("fd", position=2))
    assert (sent.passed, sent.sockets) == (("a", "b", "b"), 2)
    with pytest.raises(NoDescriptor, match="No such file or directory"):
        spec(unit, offered=Offered(("a", "b"), (7, 8)))


@pytest.mark.parametrize(
    ("setting", "phase", "wanted"),
    [
        ("", "ExecStart", True),
        ("", "ExecStartPre", False),
        ("StandardError=socket", "ExecStartPre", True),
        ("StandardInput=fd:a", "ExecStop", False),
    ],
)
def test_which_commands_are_given_descriptors(tmp_path: Path, setting: str, phase: str, wanted: bool) -> None:
    command = ExecCommand("/bin/true", ("/bin/true",))
    assert wants_descriptors(managed(tmp_path, setting), Spawn(1, phase, command, main=False)) == wanted


class Held:
    """Ports, as far as it is asked for them here."""

    def __init__(self, *fds: int, connection: int = -1) -> None:
        self.fds = list(fds)
        self.connection = connection

    def listening(self) -> list[int]:
        return self.fds

    def handed_over(self) -> int:
        return self.connection


def test_what_is_offered_to_a_service(tmp_path: Path) -> None:
    units = {name: managed(tmp_path, "") for name in ("a.service", "one.socket", "two.socket", "idle.timer")}
    kinds = {}
    for name, unit in units.items():
        kinds[name] = unit.kind = type("K", (Kind,), {"descriptor_name": lambda self, _file, name=name: name})()
    service = units["a.service"]
    for name in ("one.socket", "two.socket", "idle.timer", "not-loaded.socket"):
        service.relate("TriggeredBy", name)
    units["one.socket"].ports, units["two.socket"].ports = Held(5, 6), Held(4)  # type: ignore[assignment]
    assert offered_to(service, units.get) == Offered(("one.socket", "one.socket", "two.socket"), (5, 6, 4), 3)
    service.ports = Held(connection=9)  # type: ignore[assignment]
    assert offered_to(service, units.get) == Offered(("connection",), (9,), 1)


@pytest.mark.parametrize(
    ("family", "bound", "client", "shown"),
    [
        (socket.AF_INET, "127.0.0.1", "127.0.0.1", "127.0.0.1"),
        (socket.AF_INET6, "::1", "::1", "::1"),
        (socket.AF_INET6, "::", "127.0.0.1", "127.0.0.1"),
    ],
)
def test_who_has_connected(tmp_path: Path, family: int, bound: str, client: str, shown: str) -> None:
    unit = managed(tmp_path, "")
    with socket.socket(family) as listening:
        listening.bind((bound, 0))
        listening.listen()
        with socket.create_connection((client, listening.getsockname()[1])) as far, listening.accept()[0] as near:
            unit.ports = Held(connection=near.fileno())  # type: ignore[assignment]
            assert remote_variables(unit) == (f"REMOTE_ADDR={shown}", f"REMOTE_PORT={far.getsockname()[1]}")
            near.close()
            unit.ports = Held(connection=listening.fileno())  # type: ignore[assignment]
            assert remote_variables(unit) == (), "one that is not connected any more"
    near_end, far_end = socket.socketpair()
    with near_end, far_end:
        unit.ports = Held(connection=near_end.fileno())  # type: ignore[assignment]
        assert remote_variables(unit) == ()
