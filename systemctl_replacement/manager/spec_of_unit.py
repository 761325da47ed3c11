"""From a unit's settings to what its processes are given (process/exec_spec.py), and its supervisor must know.

Sources: systemd.exec(5), systemd.service(5).
"""

from __future__ import annotations

import errno
import os

from systemctl_replacement import exec_directories
from systemctl_replacement.defaults import PRIVATE, SEARCH_PATH
from systemctl_replacement.manager import credentials, kernel_settings
from systemctl_replacement.manager.passed_descriptors import NOTHING, Offered
from systemctl_replacement.process.exec_spec import (
    Directories,
    Directory,
    Environment,
    EnvironmentFile,
    ExecSpec,
    Identity,
    Launch,
    Limit,
    OpenFile,
    Ownership,
    Stream,
    Streams,
    WorkingDirectory,
)
from systemctl_replacement.records import replace
from systemctl_replacement.unitfile.values import INFINITY
from systemctl_replacement.units.listen_on import TakeOwnership

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from typing import Any, Callable

    from systemctl_replacement.manager.own_user import OwnUser
    from systemctl_replacement.manager.unit import ManagedUnit
    from systemctl_replacement.unitfile.manager_config import ManagerConfig
    from systemctl_replacement.units.events import Spawn

    Get = Callable[[str], Any]

# The locale of services where the image configures none (systemd.exec(5), $LANG).
DEFAULT_LANG = "C.UTF-8"

LIMITS = (
    "CPU", "FSIZE", "DATA", "STACK", "CORE", "RSS", "NOFILE", "AS", "NPROC", "MEMLOCK", "LOCKS", "SIGPENDING",
    "MSGQUEUE", "NICE", "RTPRIO", "RTTIME",
)  # fmt: skip

# Programs in init.d hand over to systemctl unless told not to, and would never end doing so.
_SKIP_REDIRECT = ("SYSTEMCTL_SKIP_REDIRECT=1", "_SYSTEMCTL_SKIP_REDIRECT=1")

_SOCKET = "socket"
_STREAMS = ("StandardInput", "StandardOutput", "StandardError")

# What systemd calls the process that gives sockets away.
_OWNERSHIP_NAME = "(sd-chown)"

# Where systemd, too, takes user ids for DynamicUser= from.
_DYNAMIC_USERS = "/run/systemd/dynamic-uid"


class ExecDefaults:
    """What the processes of all units share: the manager's environment and configuration, the root of `--root=`."""

    def __init__(
        self,
        root: str,
        config: ManagerConfig,
        inherited: Mapping[str, str],
        own_user: OwnUser | None = None,
        secrets: credentials.Places = credentials.NOWHERE,
        has_journal: Callable[[], bool] = bool,
    ) -> None:
        """secrets: where credentials come from and go to; has_journal: whether programs can log to the journal's
        socket."""
        self.root = root
        self.own_user = own_user
        self.secrets = secrets
        self.has_journal = has_journal
        self.config = config
        self.inherited = inherited  # the manager's own environment, for PassEnvironment=
        self.environment: dict[str, str] = default_environment(config)

    def ignored_identity(self, unit: ManagedUnit) -> tuple[str, ...]:
        """The directives that say whom a unit's processes run as, and that are ignored."""
        return self.own_user.ignored(unit.own) if self.own_user is not None else ()

    def ignored_owners(self, unit: ManagedUnit) -> tuple[str, ...]:
        """The directives that say whom a unit's sockets belong to, and that are ignored."""
        return self.own_user.ignored_owners(unit.own) if self.own_user is not None else ()

    @property
    def own_name(self) -> str:
        """The user that the manager runs as, by name if it has one."""
        return self.own_user.name if self.own_user is not None else ""

    def below_root(self, path: str) -> str:
        return self.root + path if self.root else path

    def supervisor_settings(self, unit: ManagedUnit, level: int, shown: int) -> dict[str, Any]:
        """What a unit's supervisor must know of its journal and of stopping it should the manager die; and what the
        collector must know ("collector").

        level, shown: the highest of its own lines that the journal, and of these the container's output, gets.
        """
        journal: dict[str, Any] = {
            "fields": {"_SYSTEMD_INVOCATION_ID": unit.invocation_id},
            "own_level": level,
            "own_shown": shown,
        }
        prefix = unit.own("SyslogLevelPrefix")
        if prefix is not None:
            journal["level_prefix"] = prefix
        facility = unit.file.settings.get((unit.section, "SyslogFacility"))
        if facility is not None:
            journal["fields"]["SYSLOG_FACILITY"] = str(facility)
        extra = _extra_fields(unit.own("LogExtraFields") or ())
        journal["fields"].update(extra)
        highest = unit.file.settings.get((unit.section, "LogLevelMax"))
        if highest is not None:
            journal["max_priority"] = highest
            journal["own_level"] = min(level, highest)
        level = unit.own("SyslogLevel")
        if level is not None:
            journal["priority"] = level
        slice_ = next(iter(unit.related("Slice")), "")
        if slice_:
            journal["fields"]["_SYSTEMD_SLICE"] = slice_
        limit = [unit.own(name) or None for name in ("LogRateLimitIntervalSec", "LogRateLimitBurst")]
        if any(limit):
            journal["unit_rate_limit"] = limit
        timeout, signal = unit.kind.stopping(unit.config)
        return {
            "journal": journal,
            "stopping": {"stop_timeout": min(timeout, 2**53), "kill_signal": signal},
            "collector": {"slice": slice_, "journal": _received(extra, highest, limit)},
        }

    def runtime_directories(self, unit: ManagedUnit) -> list[str]:
        """Where the directories of RuntimeDirectory= are."""
        get = unit.own
        names = [entry[0] for entry in get("RuntimeDirectory") or ()]
        private = _is_private(get, "RuntimeDirectory")
        return [
            self.below_root(f"{base}/{name}") for name in names for base in ("/run", *[f"/run/{PRIVATE}"] * private)
        ]

    def credential_directories(self, unit: ManagedUnit) -> list[str]:
        """Where the credentials of a unit are, if it has any: it may have had another of its names when it started."""
        has_any = any(unit.own(name) for name in credentials.DIRECTIVES)
        return [self.secrets.of_unit(name) for name in dict.fromkeys((unit.id, *unit.file.names))] if has_any else []

    def runtime_links(self, unit: ManagedUnit) -> list[str]:
        """The links that RuntimeDirectory= makes to them."""
        entries = unit.own("RuntimeDirectory") or ()
        links = [link for _, *links in entries for link in links]
        return [self.below_root(f"/run/{link}") for link in links]


def _extra_fields(assignments: Sequence[str]) -> dict[str, str]:
    """What LogExtraFields= adds to every line. A field that lines have themselves it does not replace."""
    fields = dict([assignment.split("=", 1) for assignment in assignments])
    return {
        name: value
        for name, value in fields.items()
        if name not in ("MESSAGE", "PRIORITY") and not name.startswith("SYSLOG_")
    }


def _received(extra: dict[str, str], highest: int | None, limit: list[int | None]) -> dict[str, Any]:
    """What the collector must know of the messages of a unit."""
    said = {"max_priority": highest, "interval": limit[0], "burst": limit[1]}
    return {"fields": extra, **{name: value for name, value in said.items() if value is not None}}


def default_environment(config: ManagerConfig) -> dict[str, str]:
    """The environment block every service starts from."""
    environment = {"LANG": DEFAULT_LANG, "PATH": ":".join(SEARCH_PATH)}
    for assignment in config.default_environment:
        name, _, value = assignment.partition("=")
        environment[name] = value
    return environment


class NoDescriptor(OSError):
    """A process is to have a descriptor that there is not; `said` is what systemd logs."""

    def __init__(self, number: int, said: str) -> None:
        super().__init__(number, os.strerror(number))
        self.said = said


def wants_descriptors(unit: ManagedUnit, action: Spawn) -> bool:
    """Whether a command of a unit is given descriptors that the manager has for it."""
    if isinstance(action.command, TakeOwnership):
        return False
    return action.phase == "ExecStart" or any(unit.own(name) == _SOCKET for name in _STREAMS)


def spec_of(defaults: ExecDefaults, unit: ManagedUnit, action: Spawn, offered: Offered = NOTHING) -> ExecSpec:
    """The spec for one command of a unit, which comes with the offered descriptors. NoDescriptor if there can be
    none."""
    get = unit.own
    command = action.command
    if isinstance(command, TakeOwnership):
        return _ownership(defaults, command, defaults.ignored_owners(unit))
    ignored = defaults.ignored_identity(unit)
    is_main_command = action.phase == "ExecStart"
    streams, for_streams = _streams(defaults, unit, get, offered)
    spec = ExecSpec(
        launch=Launch(
            path=command.path,
            syslog_identifier=get("SyslogIdentifier") or "",
            role="main" if action.main else "control",
            starts_service=is_main_command,
            environment_files=tuple(
                [EnvironmentFile(path, missing_ok) for missing_ok, path in get("EnvironmentFile") or ()]
            ),
            kept_users=() if ignored else _kept_users(get),
        ),
        argv=tuple(command.argv),
        search_path=tuple(get("ExecSearchPath") or ()),
        expand_variables=not command.no_environment,
        ignore_failure=command.ignore_failure,
        privileged=command.privileged == "+" or (bool(get("PermissionsStartOnly")) and not is_main_command),
        environment=Environment(
            assignments=_assignments(defaults, unit, action, get),
            unset=tuple(get("UnsetEnvironment") or ()),
            pid_variables=("SYSTEMD_EXEC_PID", *(["WATCHDOG_PID"] if _is_watched(action) else [])),
            journal_stream=defaults.has_journal(),
        ),
        streams=streams,
        identity=_own_identity(get) if ignored else _identity(defaults, get, command.privileged == "!"),
        scheduling=kernel_settings.scheduling_of(get, defaults.config),
        sandbox=kernel_settings.sandbox_of(get, defaults.config),
        limits=_limits(defaults, get),
        directories=_directories(defaults, get, bool(ignored)),
        credentials=credentials.wanted(get, unit.id, action.phase, defaults.secrets),
        working_directory=_working_directory(get),
        umask=get("UMask") if get("UMask") is not None else 0o022,
        ignore_sigpipe=get("IgnoreSIGPIPE") is not False,
        passed=() if for_streams else offered.names,
        sockets=offered.sockets,
        non_blocking=bool(get("NonBlocking")),
        open_files=tuple([OpenFile(*entry) for entry in get("OpenFile") or ()]) if is_main_command else (),
    )
    if get("RootDirectoryStartOnly") and not is_main_command:
        return _outside_root(spec)
    return spec


def _ownership(defaults: ExecDefaults, wanted: TakeOwnership, ignored: Collection[str]) -> ExecSpec:
    paths = tuple([defaults.below_root(path) for path in wanted.paths])
    user = "" if "SocketUser" in ignored else wanted.user
    group = "" if "SocketGroup" in ignored else wanted.group
    return ExecSpec(
        launch=Launch(path=_OWNERSHIP_NAME, role="control"),
        argv=(),
        ownership=Ownership(user, group, paths),
    )


def _outside_root(spec: ExecSpec) -> ExecSpec:
    """The process does not change its root; its working directory is below it all the same."""
    root, directory = spec.sandbox.root_directory, spec.working_directory
    if root and directory.path != "~":
        directory = replace(directory, path=root + directory.path)
    return replace(spec, sandbox=replace(spec.sandbox, root_directory=""), working_directory=directory)


def _working_directory(get: Get) -> WorkingDirectory:
    directory = get("WorkingDirectory")
    if directory is None:
        return WorkingDirectory()
    missing_ok, path = directory if isinstance(directory, tuple) else (False, directory)
    return WorkingDirectory(path, missing_ok)


def _assignments(defaults: ExecDefaults, unit: ManagedUnit, action: Spawn, get: Get) -> tuple[str, ...]:
    """The variables of one process, in systemd's order of precedence: later ones win."""
    merged: dict[str, str] = dict(defaults.environment)

    def add(assignments: Iterable[str]) -> None:
        for assignment in assignments:
            name, _, value = assignment.partition("=")
            merged[name] = value

    add(action.environment)
    pid_file = unit.kind.pid_file(unit.config)
    if pid_file:
        merged["PIDFILE"] = defaults.below_root(pid_file)
    if unit.invocation_id:
        merged["INVOCATION_ID"] = unit.invocation_id
    if action.command.path.startswith("/etc/init.d/"):
        add(_SKIP_REDIRECT)
    search_path = get("ExecSearchPath")
    if search_path:
        merged["PATH"] = ":".join(search_path)
    for name in get("PassEnvironment") or ():
        if name in defaults.inherited:
            merged[name] = defaults.inherited[name]
    add(get("Environment") or ())
    return tuple([f"{name}={value}" for name, value in merged.items()])


def _is_watched(action: Spawn) -> bool:
    """Whether a process is to give signs of life (WatchdogSec=)."""
    return any(assignment.startswith("WATCHDOG_USEC=") for assignment in action.environment)


def _own_identity(get: Get) -> Identity:
    """The manager's own, whoever the unit asks for. The name of a dynamic user is nobody's."""
    return Identity(user="" if get("DynamicUser") else get("User") or "", only_in_environment=True)


def _identity(defaults: ExecDefaults, get: Get, only_looked_up: bool) -> Identity:
    return Identity(
        user=get("User") or "",
        group=get("Group") or "",
        supplementary_groups=tuple(get("SupplementaryGroups") or ()),
        only_looked_up=only_looked_up,
        dynamic_users=defaults.below_root(_DYNAMIC_USERS) if get("DynamicUser") else "",
        remove_ipc=_removes_ipc(get),
    )


def _removes_ipc(get: Get) -> bool:
    return bool(get("RemoveIPC") and get("User"))


def _kept_users(get: Get) -> tuple[str, ...]:
    if get("DynamicUser"):
        return tuple(dict.fromkeys((get("User"), get("Group"))))
    return (get("User"),) if _removes_ipc(get) else ()


def _limits(defaults: ExecDefaults, get: Get) -> tuple[Limit, ...]:
    limits = []
    for name in LIMITS:
        limit: Any | None = get(f"Limit{name}") or defaults.config.default_limits.get(name)
        if limit is not None:
            limits.append(Limit(name, *[-1 if value == INFINITY else value for value in (limit.soft, limit.hard)]))
    return tuple(limits)


def _streams(defaults: ExecDefaults, unit: ManagedUnit, get: Get, offered: Offered) -> tuple[Streams, bool]:
    """The standard streams, and whether one of them is the unit's socket: then nothing is passed besides.
    NoDescriptor."""
    config = defaults.config
    stdin = _input(unit, get)
    stdout = _output(defaults, get("StandardOutput") or config.default_standard_output or "journal")
    stderr = _output(defaults, get("StandardError") or config.default_standard_error or "inherit")
    for_streams = _SOCKET in (stdin.kind, stdout.kind, stderr.kind)
    if for_streams and offered.sockets != 1:
        raise NoDescriptor(errno.EINVAL, "Got more than one socket." if offered.sockets else "Got no socket.")
    stdin, stdout, stderr = _placed((stdin, stdout, stderr), offered)
    streams = Streams(
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        stdin_data=get("StandardInputData") if stdin.kind == "data" else b"",
        terminal=get("TTYPath") or "",
    )
    return streams, for_streams


def _placed(streams: Sequence[Stream], offered: Offered) -> list[Stream]:
    """The streams with the positions of the descriptors that they are. As with systemd each descriptor goes to one of
    those that ask for its name only. NoDescriptor."""
    placed = [replace(stream, kind="fd") if stream.kind == _SOCKET else stream for stream in streams]
    wanted = {number: stream.path for number, stream in enumerate(streams) if stream.kind == "fd"}
    for position, name in enumerate(offered.names):
        number = next((number for number, path in wanted.items() if path == name), None)
        if number is not None:
            del wanted[number]
            placed[number] = Stream("fd", position=position)
    if wanted:
        raise NoDescriptor(errno.ENOENT, f"Failed to load a named file descriptor: {os.strerror(errno.ENOENT)}")
    return placed


def _input(unit: ManagedUnit, get: Get) -> Stream:
    """Where input comes from: what StandardInputText= and StandardInputData= give, unless StandardInput= is set."""
    if (unit.section, "StandardInput") not in unit.file.settings and get("StandardInputData"):
        return Stream("data")
    kind, _, path = (get("StandardInput") or "null").partition(":")
    return Stream(kind, path)


def _output(defaults: ExecDefaults, output: str) -> Stream:
    """Where output goes. What would go to a system log daemon goes to the journal, which serves both."""
    kind, _, path = output.partition(":")
    if kind.split("+")[0] in ("journal", "syslog", "kmsg"):
        return Stream("journal")
    return Stream(kind, defaults.below_root(path) if kind in ("file", "append", "truncate") else path)


def _directories(defaults: ExecDefaults, get: Get, as_ourselves: bool) -> tuple[Directories, ...]:
    found = []
    for kind in exec_directories.KINDS:
        entries = get(kind.directive) or ()
        if entries:
            mode = get(f"{kind.directive}Mode")
            found.append(
                Directories(
                    directive=kind.directive,
                    base=defaults.below_root(kind.base),
                    directories=tuple([Directory(name, tuple(links)) for name, *links in entries]),
                    mode=0o755 if mode is None else mode,
                    private=_is_private(get, kind.directive) and not as_ourselves,
                )
            )
    return tuple(found)


def _is_private(get: Get, directive: str) -> bool:
    """Whether a directory outlives its dynamic user: a later user with the same uid must not get at it."""
    if not get("DynamicUser") or directive == "ConfigurationDirectory":
        return False
    return directive != "RuntimeDirectory" or get("RuntimeDirectoryPreserve") != "no"
