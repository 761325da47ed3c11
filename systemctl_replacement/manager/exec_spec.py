"""From a unit's settings to what a process is given to run in: the spec that supervisors understand.

Sources: systemd.exec(5), systemd.service(5). What the spec's keys mean is said in process/child.py.
"""

from __future__ import annotations

import errno
import os
from binascii import b2a_base64

from systemctl_replacement import exec_directories
from systemctl_replacement.defaults import PRIVATE, SEARCH_PATH
from systemctl_replacement.manager import kernel_settings
from systemctl_replacement.manager.unit import ManagedUnit
from systemctl_replacement.unitfile import implied
from systemctl_replacement.unitfile.manager_config import ManagerConfig
from systemctl_replacement.unitfile.values import INFINITY
from systemctl_replacement.units.events import Spawn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

# The locale of services where the image configures none (systemd.exec(5), $LANG).
DEFAULT_LANG = "C.UTF-8"

LIMITS = (
    "CPU", "FSIZE", "DATA", "STACK", "CORE", "RSS", "NOFILE", "AS", "NPROC", "MEMLOCK", "LOCKS", "SIGPENDING",
    "MSGQUEUE", "NICE", "RTPRIO", "RTTIME",
)  # fmt: skip

# Programs in init.d hand over to systemctl unless told not to, and would never end doing so.
_SKIP_REDIRECT = ("SYSTEMCTL_SKIP_REDIRECT=1", "_SYSTEMCTL_SKIP_REDIRECT=1")

# Where systemd, too, takes user ids for DynamicUser= from.
_DYNAMIC_USERS = "/run/systemd/dynamic-uid"


class ExecutionContext:
    """What all units' processes share: the manager's environment and configuration, the root of `--root=`."""

    def __init__(self, root: str, config: ManagerConfig, inherited: Mapping[str, str]) -> None:
        self.root = root
        self.config = config
        self.inherited = inherited  # the manager's own environment, for PassEnvironment=
        self.environment: dict[str, str] = default_environment(config)

    def below_root(self, path: str) -> str:
        return self.root + path if self.root else path

    def supervisor_settings(self, unit: ManagedUnit, level: int, shown: int) -> dict[str, Any]:
        """What a unit's supervisor must know of its journal and of stopping it should the manager die.

        level, shown: the highest of its own lines that the journal, and of these the container's output, gets.
        """
        journal: dict[str, Any] = {
            "fields": {"_SYSTEMD_INVOCATION_ID": unit.invocation_id},
            "own_level": level,
            "own_shown": shown,
        }
        prefix = unit.get("Service", "SyslogLevelPrefix")
        if prefix is not None:
            journal["level_prefix"] = prefix
        facility = unit.file.settings.get(("Service", "SyslogFacility"))
        if facility is not None:
            journal["fields"]["SYSLOG_FACILITY"] = str(facility)
        for field in unit.get("Service", "LogExtraFields") or ():
            name, _, value = field.partition("=")
            journal["fields"][name] = value
        highest = unit.file.settings.get(("Service", "LogLevelMax"))
        if highest is not None:
            journal["max_priority"] = highest
        level = unit.get("Service", "SyslogLevel")
        if level is not None:
            journal["priority"] = level
        config = unit.config
        stopping = {"stop_timeout": min(config.timeout_stop_usec, 2**53), "kill_signal": config.kill_signal}
        return {"journal": journal, "stopping": stopping}

    def runtime_directories(self, unit: ManagedUnit) -> list[str]:
        """Where the directories of RuntimeDirectory= are."""
        names = [entry[0] for entry in unit.get("Service", "RuntimeDirectory") or ()]
        private = _is_private(unit, "RuntimeDirectory")
        return [
            self.below_root(f"{base}/{name}") for name in names for base in ("/run", *[f"/run/{PRIVATE}"] * private)
        ]

    def runtime_links(self, unit: ManagedUnit) -> list[str]:
        """The links that RuntimeDirectory= makes to them."""
        entries = unit.get("Service", "RuntimeDirectory") or ()
        links = [link for _, *links in entries for link in links]
        return [self.below_root(f"/run/{link}") for link in links]


def default_environment(config: ManagerConfig) -> dict[str, str]:
    """The environment block every service starts from."""
    environment = {"LANG": DEFAULT_LANG, "PATH": ":".join(SEARCH_PATH)}
    for assignment in config.default_environment:
        name, _, value = assignment.partition("=")
        environment[name] = value
    return environment


class NoDescriptor(OSError):
    """A process is to have a descriptor that a socket unit would pass; `said` is what systemd logs."""

    def __init__(self, number: int, said: str) -> None:
        super().__init__(number, os.strerror(number))
        self.said = said


def spec_of(context: ExecutionContext, unit: ManagedUnit, action: Spawn) -> dict[str, Any]:
    """The spec for one command of a service. NoDescriptor if there can be none."""

    def get(name: str) -> Any:
        return unit.get("Service", name)

    command = action.command
    privileged = command.privileged == "+" or (bool(get("PermissionsStartOnly")) and action.phase != "ExecStart")
    spec: dict[str, Any] = {
        "role": "main" if action.main else "control",
        "starts_service": action.phase == "ExecStart",
        "path": command.path,
        "argv": list(command.argv),
        "expand": not command.no_environment,
        "ignore_failure": command.ignore_failure,
        "environment": _environment(context, unit, action),
        "environment_files": [list(entry) for entry in get("EnvironmentFile") or ()],
        "pid_variables": ["SYSTEMD_EXEC_PID", *(["WATCHDOG_PID"] if _is_watched(action) else [])],
        "umask": get("UMask") if get("UMask") is not None else 0o022,
        "limits": _limits(context, get),
        "ignore_sigpipe": get("IgnoreSIGPIPE") is not False,
        "stdin": _input(unit),
        "stdout": _output(context, get("StandardOutput") or context.config.default_standard_output, "journal"),
        "stderr": _output(context, get("StandardError") or context.config.default_standard_error, "inherit"),
        "identifier": get("SyslogIdentifier") or "",
        "privileged": privileged,
        "keep_user": command.privileged == "!",
    }
    _check_streams([spec["stdin"], spec["stdout"], spec["stderr"]])
    if get("DynamicUser"):
        spec["users"] = list(dict.fromkeys((get("User"), get("Group"))))
        spec["dynamic_user"] = context.below_root(_DYNAMIC_USERS)
    if implied.needs_filter(get):
        spec["no_new_privileges_unless_root"] = True
    if get("RemoveIPC") and get("User"):
        spec["remove_ipc"] = True
        spec.setdefault("users", [get("User")])
    for key, directive in _PLAIN:
        value = get(directive)
        if value is not None and value != () and value != "":
            spec[key] = value if not isinstance(value, tuple) else list(value)
    spec.update(kernel_settings.of(unit.file.settings))
    if spec["stdin"] == "data":
        spec["stdin_data"] = b2a_base64(get("StandardInputData") or b"", newline=False).decode()
    directory = get("WorkingDirectory")
    if directory is not None:
        spec["working_directory"] = list(directory) if isinstance(directory, tuple) else [False, directory]
    if get("RootDirectoryStartOnly") and action.phase != "ExecStart":
        _stay_outside(spec)
    if action.phase == "ExecStart" and get("OpenFile"):
        spec["open_files"] = [list(entry) for entry in get("OpenFile")]
    directories = _directories(context, unit)
    if directories:
        spec["directories"] = directories
    return spec


def _check_streams(streams: list[str]) -> None:
    """Sockets come from socket units, which are not started yet; descriptors of the store are not meant here."""
    if "socket" in streams:
        raise NoDescriptor(errno.EINVAL, "Got no socket.")
    if any(stream.startswith("fd:") for stream in streams):
        raise NoDescriptor(errno.ENOENT, f"Failed to load a named file descriptor: {os.strerror(errno.ENOENT)}")


def _stay_outside(spec: dict[str, Any]) -> None:
    """The process does not change its root; its working directory is below it all the same."""
    root = spec.pop("root_directory", "")
    missing_ok, directory = spec.get("working_directory") or (False, "/")
    if root and directory != "~":
        spec["working_directory"] = [missing_ok, root + directory]


# Settings that go into the spec as they are.
_PLAIN: tuple[tuple[str, str], ...] = (
    ("user", "User"),
    ("group", "Group"),
    ("supplementary_groups", "SupplementaryGroups"),
    ("unset_environment", "UnsetEnvironment"),
    ("root_directory", "RootDirectory"),
    ("nice", "Nice"),
    ("oom_score_adjust", "OOMScoreAdjust"),
    ("no_new_privileges", "NoNewPrivileges"),
    ("deny_write_execute", "MemoryDenyWriteExecute"),
    ("search_path", "ExecSearchPath"),
    ("tty_path", "TTYPath"),
)


def _environment(context: ExecutionContext, unit: ManagedUnit, action: Spawn) -> list[str]:
    """The variables of one process, in systemd's order of precedence: later ones win."""
    merged: dict[str, str] = dict(context.environment)

    def add(assignments: tuple[str, ...] | list[str]) -> None:
        for assignment in assignments:
            name, _, value = assignment.partition("=")
            merged[name] = value

    add(action.environment)
    if unit.config.pid_file:
        merged["PIDFILE"] = context.below_root(unit.config.pid_file)
    if unit.invocation_id:
        merged["INVOCATION_ID"] = unit.invocation_id
    if action.command.path.startswith("/etc/init.d/"):
        add(_SKIP_REDIRECT)
    search_path = unit.get("Service", "ExecSearchPath")
    if search_path:
        merged["PATH"] = ":".join(search_path)
    for name in unit.get("Service", "PassEnvironment") or ():
        if name in context.inherited:
            merged[name] = context.inherited[name]
    add(unit.get("Service", "Environment") or ())
    return [f"{name}={value}" for name, value in merged.items()]


def _is_watched(action: Spawn) -> bool:
    """Whether a process is to give signs of life (WatchdogSec=)."""
    return any(assignment.startswith("WATCHDOG_USEC=") for assignment in action.environment)


def _limits(context: ExecutionContext, get: Any) -> dict[str, list[int]]:
    limits: dict[str, list[int]] = {}
    for name in LIMITS:
        limit: Any | None = get(f"Limit{name}") or context.config.default_limits.get(name)
        if limit is not None:
            limits[name] = [-1 if value == INFINITY else value for value in (limit.soft, limit.hard)]
    return limits


def _input(unit: ManagedUnit) -> str:
    """Where input comes from: what StandardInputText= and StandardInputData= give, unless StandardInput= is set."""
    if ("Service", "StandardInput") in unit.file.settings or not unit.get("Service", "StandardInputData"):
        return unit.get("Service", "StandardInput") or "null"
    return "data"


def _output(context: ExecutionContext, configured: str | None, default: str) -> str:
    """Where output goes. What would go to a system log daemon goes to the journal, which serves both."""
    output = configured or default
    if output.split("+")[0] in ("journal", "syslog", "kmsg"):
        return "journal"
    for kind in ("file:", "append:", "truncate:"):
        if output.startswith(kind):
            return kind + context.below_root(output[len(kind) :])
    return output


def _directories(context: ExecutionContext, unit: ManagedUnit) -> list[dict[str, Any]]:
    found = []
    for kind in exec_directories.KINDS:
        entries = unit.get("Service", kind.directive) or ()
        if entries:
            mode = unit.get("Service", f"{kind.directive}Mode")
            found.append(
                {
                    "kind": kind.directive,
                    "variable": kind.variable,
                    "base": context.below_root(kind.base),
                    "names": [list(entry) for entry in entries],
                    "mode": 0o755 if mode is None else mode,
                    "private": _is_private(unit, kind.directive),
                }
            )
    return found


def _is_private(unit: ManagedUnit, kind: str) -> bool:
    """Whether a directory outlives the user that owns it, who is dynamic: others must not come by it with the uid."""
    if not unit.get("Service", "DynamicUser") or kind == "ConfigurationDirectory":
        return False
    return kind != "RuntimeDirectory" or unit.get("Service", "RuntimeDirectoryPreserve") != "no"
