"""Units that are also SysV init scripts: enable and disable are passed on to the tool for runlevel links.

Source: systemctl(1) "enable", systemd-sysv-install(8) of Debian; update-rc.d sets `$SYSTEMCTL_SKIP_SYSV`. The tool
calls systemctl again, so nothing is locked here.
"""

from __future__ import annotations

import errno
import os

from systemctl_replacement.booleans import boolean
from systemctl_replacement.cli import streams
from systemctl_replacement.cli.invocation import CommandError, Invocation
from systemctl_replacement.cli.option_table import Options
from systemctl_replacement.cli.unit_files_common import report_problems
from systemctl_replacement.enablement.changes import InstallError
from systemctl_replacement.enablement.lookup import Planner, unit_file_exists

VERBS = frozenset(("enable", "disable", "is-enabled"))

_HELPERS = ("/lib/systemd/systemd-sysv-install", "/usr/lib/systemd/systemd-sysv-install")
_TOLERATED = (errno.ELOOP, errno.ERFKILL, errno.EADDRNOTAVAIL)
# We enable the native unit files ourselves; systemd-sysv-install tells the tools so too.
_NATIVE_IS_OURS = {"_SKIP_SYSTEMD_NATIVE": "1"}


def synchronize(verb: str, names: list[str], options: Options, invocation: Invocation, planner: Planner) -> bool:
    """Run the tool for those of `names` that have an init script. Names without a native unit leave the list.

    Returns whether `is-enabled` found one enabled. Raises CommandError.
    """
    if verb not in VERBS or boolean(os.environ.get("SYSTEMCTL_SKIP_SYSV", "")):
        return False
    enabled = False
    for name in list(names):
        if not name.endswith(".service") or name.startswith("/"):
            continue
        native = _is_native(planner, name, invocation)
        if native and verb == "is-enabled":
            continue
        if not os.path.exists(f"{invocation.paths.root}/etc/init.d/{name[: -len('.service')]}"):
            continue
        status = _pass_on(verb, name, native, options, invocation)
        if verb == "is-enabled":
            enabled = enabled or status == 0
            if not options.quiet:
                invocation.out("enabled" if status == 0 else "disabled")
        elif status != 0:
            raise CommandError("")  # the tool has said why
        if not native:
            names.remove(name)
    return enabled


def _pass_on(verb: str, name: str, native: bool, options: Options, invocation: Invocation) -> int:
    """Have the verb done for an init script. Returns the exit status."""
    script, root = name[: -len(".service")], invocation.paths.root
    commands = _commands(verb, script, root)
    if not options.quiet:
        if native:
            invocation.err(f"Synchronizing state of {name} with SysV service script with {commands[0][0]}.")
        else:
            invocation.err(f"{name} is not a native service, redirecting to systemd-sysv-install.")
    if verb == "is-enabled" and not commands:
        return 0 if _has_start_link(script, root) else 1
    status = 0
    for command in commands:
        if not options.quiet:
            invocation.err(f"Executing: {' '.join(command)}")
        status = _run(command)
        if status != 0:
            break
    return status


def _is_native(planner: Planner, name: str, invocation: Invocation) -> bool:
    planner = Planner(planner.directories.without_generated(), planner.tree.root)
    try:
        return unit_file_exists(planner.lookup(), name)
    except InstallError as problem:
        report_problems(planner.problems, invocation)
        if problem.error not in _TOLERATED:
            raise CommandError(f"Failed to look up unit file state: {problem}") from None
        return True


def _commands(verb: str, script: str, root: str) -> list[list[str]]:
    """The commands to run: the helper of the distribution's systemd, or without that package what the helper would run.

    That takes two commands, because neither tool switches a script on or off that has no links yet. There are none
    for a question that the tools do not answer alike.
    """
    for helper in _HELPERS:
        if os.access(helper, os.X_OK):
            return [[helper, *([f"--root={root}"] if root else []), verb, script]]
    if verb == "is-enabled":
        return []
    prefix = ["chroot", root] if root else []
    for directory in ("/usr/sbin", "/sbin"):
        tool = f"{directory}/update-rc.d"
        if os.access(root + tool, os.X_OK):
            return [[*prefix, tool, script, "defaults"], [*prefix, tool, script, verb]]
        tool = f"{directory}/chkconfig"
        if os.access(root + tool, os.X_OK):
            switch = "on" if verb == "enable" else "off"
            return [[*prefix, tool, "--add", script], [*prefix, tool, script, switch]]
    return [[_HELPERS[0], verb, script]]


def _has_start_link(script: str, root: str) -> bool:
    """Whether a script is enabled, which means that it has a start link in a runlevel."""
    for level in ("S", "5"):
        try:
            names = os.listdir(f"{root}/etc/rc{level}.d")
        except OSError:
            continue
        if any(name[:1] == "S" and name[3:] == script for name in names):
            return True
    return False


def _run(command: list[str]) -> int:
    import subprocess

    streams.stdout.flush()
    try:
        return subprocess.run(command, check=False, env={**os.environ, **_NATIVE_IS_OURS}).returncode
    except OSError as problem:
        raise CommandError(f"Failed to execute {command[0]}: {problem.strerror}") from None
