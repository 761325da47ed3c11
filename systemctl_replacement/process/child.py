"""From the fork to the exec: the steps that make a service's process out of a copy of its supervisor.

What fails is reported through a pipe that the exec closes, with the exit status and the words of systemd 252; the
child then exits with that status. The steps stand in systemd's order, so that of several defects the same one is told.

Keys of a spec (all optional but ``path`` and ``argv``)::

    path, argv           argv[0] may differ from path; a path without "/" is looked up in search_path
    search_path          directories for that; systemd's default
    expand               replace $VAR and ${VAR} in argv
    ignore_failure       a missing program is a success ("-")
    role                 "main" or "control": counted by NotifyAccess= from the fork on
    starts_service       it is ExecStart=: a main process that it leaves behind prints under its identifier
    environment          ["K=V"]; environment_files [[missing_ok, path]] override it; unset_environment ["K" or "K=V"]
    pid_variables        names set to the process's own pid
    users                names for which the manager has given sockets to the supervisor (supervision/client.py)
    dynamic_user         where the user ids of DynamicUser= are taken from: user and group exist for this unit
    remove_ipc           what the user has in IPC is removed when the unit is down, unless there are processes of it
    user, group, supplementary_groups, privileged ("+": none of these and no restriction below is applied), keep_user
                         ("!": these are looked up for the environment and the directories, but not changed to)
    umask, working_directory [missing_ok, path or "~"], root_directory
    limits {"NOFILE": [soft, hard]}
    nice, oom_score_adjust, scheduling {policy, priority, reset_on_fork}, cpu_affinity, io_priority [class, level],
                         timer_slack (ns), coredump_filter (mask), personality: see :mod:`.scheduling`
    capability_bounding  bit mask of what is kept; ambient_capabilities {name: number}; secure_bits mask
    no_new_privileges, no_new_privileges_unless_root, deny_write_execute
    ignore_sigpipe       default true
    stdin                null tty tty-force tty-fail data file:PATH fd:N
    stdout, stderr       journal null inherit tty file:PATH append:PATH truncate:PATH fd:N
    tty_path, stdin_data (base64), identifier (SyslogIdentifier=)
    leftovers            of an earlier life of the container, to be removed first: see leftovers.py
    directories          [{"kind": "RuntimeDirectory", "variable": "RUNTIME_DIRECTORY", "base": "/run",
                           "names": ["a/b" or ["a", "link"…]], "mode": 0o755}]
    listen_fds, listen_names   the first listen_fds descriptors of the message become 3…
    open_files           [[path, name, ["read-only", "append", "truncate", "graceful"]]]: opened, and passed after these
    idle                 position among the message's descriptors of a pipe: wait until it closes, at most 5 s
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import errno
import os
import select
import stat

from systemctl_replacement import exit_status, syscalls
from systemctl_replacement.defaults import NOFILE_HARD, NOFILE_SOFT, SEARCH_PATH
from systemctl_replacement.log_levels import LOG_DEBUG, LOG_INFO, LOG_WARNING
from systemctl_replacement.process import credentials, directories, environment, open_files, scheduling, streams
from systemctl_replacement.process.report import ABOUT_TO_EXEC, tell
from systemctl_replacement.process.sandbox import dynamic_user, privileges

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

_IDLE_MILLISECONDS = 5000
"""Type=idle waits for other jobs so long at most (systemd.service(5))."""
_NOT_ALLOWED = (errno.EPERM, errno.EACCES, errno.ENOSYS)


def identifier(spec: dict[str, Any]) -> str:
    """What the program's lines are marked with: SyslogIdentifier=, else the file name."""
    name: str = spec.get("identifier") or os.path.basename(spec["path"])
    return name


class Failure(Exception):
    """A step that failed: exit status, errno, message."""

    def __init__(self, status: int, prefix: str, error: OSError) -> None:
        super().__init__(prefix)
        self.status = status
        self.errno = error.errno or 0
        self.message = f"{prefix}: {error.strerror}"


class Skipped(Exception):
    """The program does not exist, and that is no failure."""


def run(
    spec: dict[str, Any],
    files: dict[str, str] | None,
    fds: list[int],
    log: int,
    report: int,
    go: int,
    users: dynamic_user.Store,
) -> NoReturn:
    """Becomes the program, or exits with systemd's status for the step that failed.

    ``files``: the variables of the environment files, None if reading them may take its time; ``fds``: the message's
    descriptors; ``log``: the writing end of the unit's log pipe (-1 for none); ``report``: the pipe for
    :class:`.report.Report`; ``go``: a pipe that is written to when the manager knows of this process; ``users``: those
    that exist for the unit.
    """
    status = exit_status.EXIT_EXCEPTION
    try:
        _Child(spec, fds, log, report, users).run(go, files)
    except Skipped:
        status = exit_status.EXIT_SUCCESS
    except Failure as failure:
        status = failure.status
        tell(report, {"status": status, "errno": failure.errno, "message": failure.message})
    except Exception as error:
        tell(report, {"status": status, "errno": 0, "message": f"Failed to prepare the program: {error!r}"})
    finally:
        os._exit(status)


class _Child:
    """The steps, in order; see :func:`run`."""

    def __init__(self, spec: dict[str, Any], fds: list[int], log: int, report: int, users: dynamic_user.Store) -> None:
        self.spec = spec
        self.fds = fds
        self.log = log
        self.report = report
        self.users = users
        self.privileged = bool(spec.get("privileged"))
        self.user: credentials.Credentials | None = None
        self.gid: int | None = None
        self.groups: list[int] | None = None
        self.variables: dict[str, str] = {}
        self.passed = fds[: spec.get("listen_fds", 0)]
        self.passed_names: list[str] = list(spec.get("listen_names", ()))
        self.ambient = 0
        self.forgone: int | None = None  # the bounding set, where it could not be set

    def run(self, go: int, files: dict[str, str] | None) -> NoReturn:
        os.setsid()
        # The supervisor's own link above all: as long as we held it, the manager would not see the supervisor die.
        kept = [*self.fds, *self.users.descriptors(), *([self.log] if self.log >= 0 else ())]
        syscalls.close_all_except([0, 1, 2, self.report, go, *kept])
        _await(go)
        if self.spec.get("leftovers"):
            from systemctl_replacement.process import leftovers  # here: few supervisors ever need it

            leftovers.clear(self.spec["leftovers"])
        self._wait_for_idle()
        if files is None:
            files = self._await_files()
        self._find_credentials()
        self._set_streams()
        self._set_scheduling()
        self._make_directories()
        self._open_files()
        self._fill_environment(files)
        os.umask(self.spec.get("umask", 0o022))
        self._set_limits()
        self._change_root()
        program = self._find_program()
        self._change_privileges()
        self._change_directory()
        self._restrict()
        self._place_descriptors()
        self._execute(program)

    def _step(self, status: int, prefix: str, function: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return function(*arguments)
        except OSError as error:
            raise Failure(status, prefix, error) from None

    def _warn(self, priority: int, text: str) -> None:
        tell(self.report, {"priority": priority, "warning": text})

    def _wait_for_idle(self) -> None:
        position = self.spec.get("idle")
        if position is not None and position is not False:
            poll = select.poll()
            poll.register(self.fds[position], 0)
            poll.poll(_IDLE_MILLISECONDS)

    def _await_files(self) -> dict[str, str]:
        """The variables of environment files that are fifos. Until somebody writes to them we can be killed."""
        syscalls.unblock_all_signals()
        what = "Failed to load environment files"
        files, problems = self._step(
            exit_status.EXIT_EXCEPTION, what, environment.load_files, self.spec["environment_files"], True
        )
        syscalls.block_all_signals()
        for problem in problems:
            self._warn(LOG_WARNING, problem)
        return files or {}

    def _find_credentials(self) -> None:
        spec = self.spec
        user, group = spec.get("user"), spec.get("group")
        if spec.get("dynamic_user"):
            what = "Failed to update dynamic user credentials"
            owned = directories.owned(spec.get("directories", ()))
            uid, gid = self._step(exit_status.EXIT_USER, what, self.users.take_both, user, group, owned)
            self.gid = gid
            self.user = credentials.Credentials(uid, gid, spec["user"], "", "")
            group = None
        elif user:
            self.user = self._step(
                exit_status.EXIT_USER, "Failed to determine user credentials", credentials.find_user, user
            )
            self.gid = self.user.gid if self.user else None
            if self.user and spec.get("remove_ipc"):
                self.users.keep(user, self.user.uid)
        if group:
            self.gid = self._step(
                exit_status.EXIT_GROUP, "Failed to determine group credentials", credentials.find_group, group
            )
        if self.user or self.gid is not None:
            ids = [self.user.uid if self.user else -1, -1 if self.gid is None else self.gid]
            tell(self.report, {"user": ids})
        self.groups = self._step(
            exit_status.EXIT_GROUP,
            "Failed to determine supplementary groups",
            credentials.find_groups,
            spec,
            self.user,
            self.gid or 0,
        )

    def _set_streams(self) -> None:
        spec, fds = self.spec, self.fds
        owner = None
        if self.user and not self.privileged and self.user.uid != os.geteuid():
            owner = (self.user.uid, self.gid if self.gid is not None else -1)
        # UMask= holds for the files that are made here, and for the program; not for directories.
        before = os.umask(spec.get("umask", 0o022))
        self._step(exit_status.EXIT_STDIN, "Failed to set up standard input", streams.set_input, spec, fds)
        for number, status, what in (
            (1, exit_status.EXIT_STDOUT, "Failed to set up standard output"),
            (2, exit_status.EXIT_STDERR, "Failed to set up standard error output"),
        ):
            self._step(status, what, streams.set_output, spec, number, fds, self.log, owner)
        os.umask(before)

    def _set_scheduling(self) -> None:
        for key, status, what, function in scheduling.STEPS:
            value = self.spec.get(key)
            if value is None or value == []:
                continue
            try:
                function(value)
            except OSError as error:
                if error.errno not in _NOT_ALLOWED:
                    raise Failure(status, what, error) from None
                if key == "oom_score_adjust":
                    self._warn(LOG_DEBUG, f"{what}, assuming containerized execution, ignoring: {error.strerror}")
                else:
                    self._warn(LOG_WARNING, f"{what}, ignoring: {error.strerror}")

    def _make_directories(self) -> None:
        uid = self.user.uid if self.user else os.geteuid()
        gid = self.gid if self.gid is not None else os.getegid()
        for directory in self.spec.get("directories", ()):
            kind = directory["kind"]
            what = f"Failed to set up special execution directory in {directory['base']}"
            value = self._step(directories.EXIT_STATUSES[kind], what, directories.make, directory, uid, gid)
            self.variables[directory["variable"]] = value

    def _open_files(self) -> None:
        entries = self.spec.get("open_files")
        if entries:
            what = "Failed to get OpenFile= file descriptors"
            for fd, name in self._step(exit_status.EXIT_FDS, what, open_files.open_all, entries):
                self.passed.append(fd)
                self.passed_names.append(name)

    def _fill_environment(self, files: dict[str, str]) -> None:
        """What systemd itself sets comes first; the unit's own variables, and those of its files, override it."""
        spec, variables = self.spec, self.variables
        pid = str(os.getpid())
        variables["MANAGERPID"] = str(os.getppid())
        variables["SYSTEMD_EXEC_PID"] = pid
        if self.user:
            variables["USER"] = variables["LOGNAME"] = self.user.name
            if self.user.home:
                variables["HOME"] = self.user.home
            if self.user.shell:
                variables["SHELL"] = self.user.shell
        elif (spec.get("working_directory") or (False, ""))[1] == "~":
            variables["HOME"] = "/root"
        if self.passed:
            variables["LISTEN_PID"] = pid
            variables["LISTEN_FDS"] = str(len(self.passed))
            variables["LISTEN_FDNAMES"] = ":".join(self.passed_names)
        for name in spec.get("pid_variables", ()):
            variables[name] = pid
        for assignment in spec.get("environment", ()):
            name, _, value = assignment.partition("=")
            variables[name] = value
        variables.update(files)
        for removed in spec.get("unset_environment", ()):
            name, equals, value = removed.partition("=")
            if not equals or variables.get(name) == value:
                variables.pop(name, None)

    def _set_limits(self) -> None:
        if self.privileged:
            return
        # Our own limit of descriptors is raised; systemd's default for services is this.
        for name, (soft, hard) in {"NOFILE": (NOFILE_SOFT, NOFILE_HARD), **self.spec.get("limits", {})}.items():
            what = f"Failed to adjust resource limit RLIMIT_{name}"
            self._step(exit_status.EXIT_LIMITS, what, syscalls.set_limit, name, soft, hard)

    def _change_root(self) -> None:
        root = self.spec.get("root_directory")
        if root and root != "/":
            # systemd binds the root in a mount namespace, and that is what its users know to have failed.
            what = "Failed to set up mount namespacing"
            self._step(exit_status.EXIT_NAMESPACE, what, os.chroot, root)
            os.chdir("/")

    def _change_privileges(self) -> None:
        if self.privileged:
            return
        spec = self.spec
        change_user = not spec.get("keep_user")
        if change_user and (self.gid is not None or self.groups is not None):
            what = "Changing group credentials failed"
            self._step(exit_status.EXIT_GROUP, what, privileges.set_groups, self.gid, self.groups)
        bounding, secure_bits = spec.get("capability_bounding"), spec.get("secure_bits") or 0
        if bounding is not None:
            what = "Failed to drop capabilities"
            if not self._step(exit_status.EXIT_CAPABILITIES, what, privileges.set_bounding, bounding):
                self.forgone = bounding
        self._find_ambient(bounding)
        if self.user and change_user:
            what = f"Failed to change UID to {self.user.uid}"
            keep = bool(self.ambient or secure_bits)
            self._step(exit_status.EXIT_USER, what, privileges.set_user, self.user.uid, keep, secure_bits)
        if self.ambient:
            what = "Failed to apply ambient capabilities (after UID change)"
            self._step(exit_status.EXIT_CAPABILITIES, what, privileges.set_ambient, self.ambient)

    def _find_ambient(self, bounding: int | None) -> None:
        """What can be given of AmbientCapabilities=; the rest is told, and the program runs without it."""
        wanted = self.spec.get("ambient_capabilities") or {}
        asked = 0
        for number in wanted.values():
            asked |= 1 << number
        if bounding is not None:
            asked &= bounding
        if asked:
            self.ambient = privileges.grantable(asked)
            missing = [name for name, number in wanted.items() if (asked & ~self.ambient) >> number & 1]
            if missing:
                text = "Failed to apply ambient capabilities that the manager does not have itself, ignoring: "
                self._warn(LOG_WARNING, text + " ".join(missing))

    def _restrict(self) -> None:
        """What would be in the way of the steps before it."""
        if self.privileged:
            return
        if "secure_bits" in self.spec:
            what = "Failed to set process secure bits"
            self._step(exit_status.EXIT_SECUREBITS, what, privileges.set_secure_bits, self.spec["secure_bits"])
        if self.forgone is not None:
            what = "Failed to drop capabilities"
            self._step(exit_status.EXIT_CAPABILITIES, what, privileges.forgo, self.forgone)
        if self.spec.get("deny_write_execute"):
            self._deny_write_execute()
        forbid = self.spec.get("no_new_privileges")
        if forbid or (self.spec.get("no_new_privileges_unless_root") and os.geteuid() != 0):
            what = "Failed to disable new privileges"
            self._step(exit_status.EXIT_NO_NEW_PRIVILEGES, what, syscalls.set_no_new_privileges)

    def _deny_write_execute(self) -> None:
        try:
            syscalls.deny_write_execute()
        except OSError as error:
            if error.errno not in (errno.EINVAL, *_NOT_ALLOWED):
                raise Failure(exit_status.EXIT_SECCOMP, "Failed to apply MemoryDenyWriteExecute=", error) from None
            self._warn(LOG_WARNING, f"MemoryDenyWriteExecute= needs Linux 6.3, ignoring: {error.strerror}")

    def _change_directory(self) -> None:
        missing_ok, path = self.spec.get("working_directory") or (False, "/")
        if path == "~":
            path = (self.user and self.user.home) or "/root"
        try:
            os.chdir(path)
        except OSError as error:
            if not missing_ok:
                raise Failure(
                    exit_status.EXIT_CHDIR, "Changing to the requested working directory failed", error
                ) from None

    def _find_program(self) -> str:
        path: str = self.spec["path"]
        candidates = [path]
        if "/" not in path:
            candidates = [f"{directory}/{path}" for directory in self.spec.get("search_path") or SEARCH_PATH]
        failure: OSError | None = None
        for candidate in candidates:
            try:
                _check_executable(candidate)
                return candidate
            except OSError as error:
                # A file that may not be executed is worth telling, one that is not there goes on the next.
                if failure is None or error.errno != errno.ENOENT:
                    failure = error
        assert failure is not None
        if self.spec.get("ignore_failure") and failure.errno == errno.ENOENT:
            self._warn(LOG_INFO, f"Executable {path} missing, skipping: {failure.strerror}")
            raise Skipped
        raise Failure(exit_status.EXIT_EXEC, f"Failed to locate executable {path}", failure)

    def _place_descriptors(self) -> None:
        """Puts what is passed at 3…, in order; all else closes with the exec."""
        first_free = 3 + len(self.passed)
        if self.passed:
            self.report = syscalls.duplicate_above(self.report, first_free)
            passed = [syscalls.duplicate_above(fd, first_free) for fd in self.passed]
            for number, fd in enumerate(passed, 3):
                os.dup2(fd, number)
        syscalls.close_all_except([0, 1, 2, self.report, *range(3, first_free)])

    def _execute(self, program: str) -> NoReturn:
        argv = self.spec["argv"]
        if self.spec.get("expand"):
            argv = environment.expand_arguments(argv, self.variables)
        # Ignored in any case until the supervisor is told: it may have been killed, which is not our end.
        _signal.signal(_signal.SIGPIPE, _signal.SIG_IGN)
        arguments = [_encode(argument) for argument in argv] or [_encode(program)]
        variables = {_encode(name): _encode(value) for name, value in self.variables.items()}
        self._announce()
        if not self.spec.get("ignore_sigpipe", True):
            _signal.signal(_signal.SIGPIPE, _signal.SIG_DFL)
        syscalls.unblock_all_signals()
        try:
            os.execve(program, arguments, variables)
        except OSError as error:
            raise Failure(exit_status.EXIT_EXEC, f"Failed to execute {self.spec['path']}", error) from None

    def _announce(self) -> None:
        try:
            os.write(self.report, ABOUT_TO_EXEC)
        except BrokenPipeError:
            return  # without a supervisor nobody waits for it


def _check_executable(path: str) -> None:
    mode = os.stat(path).st_mode
    if stat.S_ISDIR(mode):
        raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(mode):
        raise OSError(errno.EBADFD, os.strerror(errno.EBADFD))
    if not os.access(path, os.X_OK, effective_ids=True):
        raise OSError(errno.EACCES, os.strerror(errno.EACCES))


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _await(go: int) -> None:
    """Do nothing before the manager knows of us: where the supervisor is killed first, nobody could ever stop us."""
    if not os.read(go, 1):
        os.kill(os.getpid(), _signal.SIGKILL)
    os.close(go)


def let_go(fd: int) -> None:
    """The supervisor's side: the manager knows of the process."""
    try:
        os.write(fd, b"\n")
    except OSError:
        return  # it has been killed, as its status says
