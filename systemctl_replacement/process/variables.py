"""The variables of a program, put together. systemd.exec(5), "Environment Variables in Spawned Processes"."""

from __future__ import annotations

import os

from systemctl_replacement import syscalls
from systemctl_replacement.process import environment
from systemctl_replacement.process.step import APPLIED, NotPossible

TYPE_CHECKING = False
if TYPE_CHECKING:
    from systemctl_replacement.process.child import Child
    from systemctl_replacement.process.step import Outcome


def await_files(child: Child) -> Outcome:
    """Reads environment files that are fifos. Until somebody writes to them we can be killed. OSError."""
    if child.file_variables is None:
        syscalls.unblock_all_signals()
        files = [(file.path, file.missing_ok) for file in child.spec.launch.environment_files]
        child.file_variables, problems = environment.load_files(files, wait=True)
        syscalls.block_all_signals()
        for problem in problems:
            child.warn(NotPossible(problem))
    return APPLIED


def fill(child: Child) -> Outcome:
    """What systemd itself sets comes first; the unit's own variables, and those of its files, override it."""
    spec, variables = child.spec, child.variables
    pid = str(os.getpid())
    variables["MANAGERPID"] = str(os.getppid())
    variables["SYSTEMD_EXEC_PID"] = pid
    if child.account:
        variables["USER"] = variables["LOGNAME"] = child.account.name
        if child.account.home:
            variables["HOME"] = child.account.home
        if child.account.shell:
            variables["SHELL"] = child.account.shell
    elif spec.working_directory.path == "~":
        variables["HOME"] = "/root"
    if child.passed:
        variables["LISTEN_PID"] = pid
        variables["LISTEN_FDS"] = str(len(child.passed))
        variables["LISTEN_FDNAMES"] = ":".join(child.passed_names)
    if child.journal_stream and spec.environment.journal_stream:
        variables["JOURNAL_STREAM"] = child.journal_stream
    for name in spec.environment.pid_variables:
        variables[name] = pid
    for assignment in spec.environment.assignments:
        name, _, value = assignment.partition("=")
        variables[name] = value
    variables.update(child.file_variables or {})
    for removed in spec.environment.unset:
        name, equals, value = removed.partition("=")
        if not equals or variables.get(name) == value:
            variables.pop(name, None)
    return APPLIED
