"""What one process is given: filled by the manager, carried by the link, read by the steps between fork and exec.

The manager (manager/spec_of_unit.py) makes an :class:`ExecSpec` of a unit's settings and of the command to run. It
travels to the supervisor as JSON (:func:`encode`, :func:`decode`). Every field means what the directive of
systemd.exec(5) in its description means; where a field has its default, nothing is asked for.
"""

from __future__ import annotations

from systemctl_replacement import wire
from systemctl_replacement.process import record_codec
from systemctl_replacement.records import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


@dataclass(frozen=True)
class EnvironmentFile:
    """EnvironmentFile=: a path or a pattern."""

    path: str
    missing_ok: bool = False


@dataclass(frozen=True)
class Launch:
    """What the supervisor itself heeds of a process that it makes."""

    path: str
    """The program. A path without "/" is looked up in the spec's `search_path`."""
    syslog_identifier: str = ""
    """SyslogIdentifier=; where it is empty, the program's file name."""
    role: str = ""
    """Either "main" or "control", which NotifyAccess= heeds from the fork on, or ""."""
    starts_service: bool = False
    """It is ExecStart=: a main process that it leaves behind prints under its identifier."""
    environment_files: tuple[EnvironmentFile, ...] = ()
    """EnvironmentFile=; their variables override the spec's."""
    kept_users: tuple[str, ...] = ()
    """Users for whom the manager has given the supervisor sockets (supervision/kept_users.py)."""

    @property
    def identifier(self) -> str:
        """What the lines that the program prints are marked with."""
        return self.syslog_identifier or self.path.rpartition("/")[2]


@dataclass(frozen=True)
class Environment:
    """The program's variables."""

    assignments: tuple[str, ...] = ()
    """NAME=VALUE; later ones win."""
    unset: tuple[str, ...] = ()
    """UnsetEnvironment=: NAME, or NAME=VALUE to remove the variable only if it has that value."""
    pid_variables: tuple[str, ...] = ()
    """Variables that hold the process's own pid."""
    journal_stream: bool = False
    """Whether JOURNAL_STREAM= tells a program that prints to the log: it may log to the journal's socket instead."""


@dataclass(frozen=True)
class Stream:
    """A standard stream.

    kind: "journal", "null", "inherit", "data", "tty", "tty-force", "tty-fail", "file", "append", "truncate" or "fd".
    """

    kind: str
    path: str = ""
    """Of "file", "append" and "truncate"."""
    position: int = 0
    """Of "fd": which of the message's descriptors."""


@dataclass(frozen=True)
class Streams:
    """StandardInput=, StandardOutput=, StandardError= and what belongs to them."""

    stdin: Stream = Stream("null")
    stdout: Stream = Stream("journal")
    stderr: Stream = Stream("inherit")
    stdin_data: bytes = b""
    """StandardInputText= and StandardInputData=."""
    terminal: str = ""
    """TTYPath=."""


@dataclass(frozen=True)
class Identity:
    """Whom the process runs as."""

    user: str = ""
    group: str = ""
    supplementary_groups: tuple[str, ...] = ()
    only_looked_up: bool = False
    """The "!" prefix: the environment and the directories heed the user and the groups, nothing changes to them."""
    only_in_environment: bool = False
    """$HOME and its like are those of the user, but the process and its directories stay the manager's."""
    dynamic_users: str = ""
    """DynamicUser=: the directory where user ids are taken from. The user and the group exist for this unit alone."""
    remove_ipc: bool = False
    """RemoveIPC=."""


@dataclass(frozen=True)
class Directory:
    """One of the directories of RuntimeDirectory= and its siblings."""

    name: str
    """Relative to the base of its kind."""
    links: tuple[str, ...] = ()
    """Symbolic links to it, relative to the same base."""


@dataclass(frozen=True)
class Directories:
    """The directories of one kind."""

    directive: str
    """The kind: see exec_directories.py."""
    base: str
    directories: tuple[Directory, ...]
    mode: int = 0o755
    private: bool = False
    """They are kept where other users cannot come by them: DynamicUser=."""


@dataclass(frozen=True)
class Limit:
    """LimitNOFILE= and its siblings: a resource limit, -1 for infinity."""

    resource: str
    """Its name, as in "NOFILE"."""
    soft: int
    hard: int


@dataclass(frozen=True)
class CpuScheduling:
    """CPUSchedulingPolicy=, CPUSchedulingPriority=, CPUSchedulingResetOnFork=."""

    policy: str = "other"
    """systemd's name, or a number in digits."""
    priority: int = 0
    reset_on_fork: bool = False


@dataclass(frozen=True)
class IoPriority:
    """IOSchedulingClass= and IOSchedulingPriority=, by the kernel's numbers."""

    scheduling_class: int
    level: int


@dataclass(frozen=True)
class Scheduling:
    """How the kernel schedules and treats the process; None for what is left as the manager has it."""

    nice: int | None = None
    oom_score_adjust: int | None = None
    cpu: CpuScheduling | None = None
    cpu_affinity: tuple[int, ...] = ()
    io: IoPriority | None = None
    timer_slack: int | None = None
    """TimerSlackNSec=, nanoseconds."""
    coredump_filter: int | None = None
    """The mask of core(5)."""
    personality: str = ""
    """Personality=: "native", or "32-bit" for the smaller sibling of the architecture."""


@dataclass(frozen=True)
class Capability:
    """A capability by name and number."""

    name: str
    number: int


@dataclass(frozen=True)
class Sandbox:
    """What the process is kept from, and what it may do beyond its user's rights."""

    root_directory: str = ""
    capability_bounding: int | None = None
    """CapabilityBoundingSet= as a mask of what is kept."""
    ambient_capabilities: tuple[Capability, ...] = ()
    secure_bits: int = 0
    """The mask of prctl(2)."""
    no_new_privileges: bool = False
    no_new_privileges_unless_root: bool = False
    """Other settings imply NoNewPrivileges= for a process that is not root."""
    memory_deny_write_execute: bool = False


@dataclass(frozen=True)
class WorkingDirectory:
    """WorkingDirectory=; "~" is the user's home."""

    path: str = "/"
    missing_ok: bool = False


@dataclass(frozen=True)
class OpenFile:
    """OpenFile=: options are "read-only", "append", "truncate" and "graceful"."""

    path: str
    name: str
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class LoadedCredential:
    """LoadCredential=: the source is a path, or a name that is looked for where credentials are kept."""

    name: str
    source: str


@dataclass(frozen=True)
class GivenCredential:
    """SetCredential=."""

    name: str
    content: bytes


@dataclass(frozen=True)
class Credentials:
    """Files with secrets, of which $CREDENTIALS_DIRECTORY tells."""

    directory: str
    unit: str
    stores: tuple[str, ...]
    """Directories where names are looked for, in this order."""
    afresh: bool = False
    """The unit starts: what is there is of an earlier run."""
    loaded: tuple[LoadedCredential, ...] = ()
    imported: tuple[str, ...] = ()
    """ImportCredential=: patterns of names."""
    given: tuple[GivenCredential, ...] = ()


@dataclass(frozen=True)
class LeftoverFiles:
    """What an earlier life of the container left behind: removed first, if it last changed `before` (usec)."""

    before: int
    directories: tuple[str, ...] = ()
    """Names below /run."""
    pid_file: str = ""


@dataclass(frozen=True)
class Ownership:
    """SocketUser= and SocketGroup=, "" for none, and what is given to them."""

    user: str
    group: str
    paths: tuple[str, ...]


@dataclass(frozen=True)
class ExecSpec:
    """One process."""

    launch: Launch
    argv: tuple[str, ...]
    search_path: tuple[str, ...] = ()
    """ExecSearchPath=; where it is empty, systemd's own."""
    expand_variables: bool = False
    """Replace $NAME and ${NAME} in argv."""
    ignore_failure: bool = False
    """The "-" prefix: a program that does not exist is no failure."""
    privileged: bool = False
    """The "+" prefix: the user, the limits and the sandbox are not applied."""
    environment: Environment = Environment()
    streams: Streams = Streams()
    identity: Identity = Identity()
    scheduling: Scheduling = Scheduling()
    sandbox: Sandbox = Sandbox()
    limits: tuple[Limit, ...] = ()
    directories: tuple[Directories, ...] = ()
    working_directory: WorkingDirectory = WorkingDirectory()
    umask: int = 0o022
    ignore_sigpipe: bool = True
    passed: tuple[str, ...] = ()
    """Names of the descriptors that come first in the message. They become 3 and up ($LISTEN_FDS)."""
    sockets: int = 0
    """How many of the message's descriptors, from the first, are what the unit listens on, or a connection."""
    non_blocking: bool = False
    """NonBlocking=, of those of them that are passed."""
    open_files: tuple[OpenFile, ...] = ()
    """Opened by the process, and passed after these."""
    credentials: Credentials | None = None
    leftovers: LeftoverFiles | None = None
    ownership: Ownership | None = None
    """It is given away, and no program is executed."""


FieldError = record_codec.FieldError


def encode(spec: ExecSpec) -> dict[str, Any]:
    """The spec as fields of a message: a JSON text for the process, and beside it what the supervisor heeds.

    Records cost a supervisor pages of memory, each of all supervisors its own: it reads plain values, and leaves the
    text to the process that it makes.
    """
    launch = spec.launch
    heeded = {
        "path": launch.path,
        "identifier": launch.identifier,
        "role": launch.role,
        "starts_service": launch.starts_service,
        "environment_files": [[file.path, file.missing_ok] for file in launch.environment_files],
        "kept_users": launch.kept_users,
        "passed": len(spec.passed),
    }
    return {"launch": heeded, "spec": wire.dumps(record_codec.encode(spec)).decode()}


def decode(message: dict[str, Any]) -> ExecSpec:
    """The spec of a message. FieldError names a field that is unknown, missing or of the wrong type."""
    spec: ExecSpec = record_codec.decode(ExecSpec, wire.loads(message["spec"]), "spec")
    return spec


def prepare() -> None:
    """Lets the first use of each record happen in the forkserver: what it changes in memory, all children share."""
    record_codec.prepare(ExecSpec)
