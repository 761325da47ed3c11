"""Units that are SysV init scripts, too: enable and disable are passed on to the distribution's tool for runlevel
links.

Source: systemctl(1) "enable", systemd-sysv-install(8) of Debian; `$SYSTEMCTL_SKIP_SYSV` as update-rc.d sets it. The
tool calls systemctl again, so nothing is locked here.
"""

from __future__ import annotations

import errno
import os

from systemctl_replacement.cli import streams
from systemctl_replacement.cli.context import Context, Failure
from systemctl_replacement.cli.settings import Options
from systemctl_replacement.cli.unit_files_common import report_problems
from systemctl_replacement.unitfile.install_changes import InstallFailed
from systemctl_replacement.unitfile.install_lookup import Plan, unit_file_exists

VERBS = frozenset(("enable", "disable", "is-enabled"))

_HELPERS = ("/lib/systemd/systemd-sysv-install", "/usr/lib/systemd/systemd-sysv-install")
_TOLERATED = (errno.ELOOP, errno.ERFKILL, errno.EADDRNOTAVAIL)
# The native unit files are for us to enable, as systemd-sysv-install says, too.
_NATIVE_IS_OURS = {"_SKIP_SYSTEMD_NATIVE": "1"}
_TRUE = ("1", "yes", "y", "true", "t", "on")


def synchronize(verb: str, names: list[str], options: Options, context: Context, plan: Plan) -> bool:
    """Run the tool for those of `names` that have an init script; names without a native unit are removed from the
    list.

    Returns whether `is-enabled` found one enabled. Raises Failure.
    """
    if verb not in VERBS or os.environ.get("SYSTEMCTL_SKIP_SYSV", "").lower() in _TRUE:
        return False
    enabled = False
    for name in list(names):
        if not name.endswith(".service") or name.startswith("/"):
            continue
        native = _is_native(plan, name, context)
        if native and verb == "is-enabled":
            continue
        script = name[: -len(".service")]
        if not os.path.exists(f"{context.paths.root}/etc/init.d/{script}"):
            continue
        commands = _commands(verb, script, context.paths.root)
        if not options.quiet:
            if native:
                context.err(f"Synchronizing state of {name} with SysV service script with {commands[0][0]}.")
            else:
                context.err(f"{name} is not a native service, redirecting to systemd-sysv-install.")
        status = 0
        for command in commands:
            if not options.quiet:
                context.err(f"Executing: {' '.join(command)}")
            status = _run(command)
            if status != 0:
                break
        if verb == "is-enabled":
            enabled = enabled or status == 0
            if not options.quiet:
                context.out("enabled" if status == 0 else "disabled")
        elif status != 0:
            raise Failure("")  # the tool has said why
        if not native:
            names.remove(name)
    return enabled


def _is_native(plan: Plan, name: str, context: Context) -> bool:
    plan = Plan(plan.directories.without_generated(), plan.tree.root)
    try:
        return unit_file_exists(plan.lookup(), name)
    except InstallFailed as problem:
        report_problems(plan.problems, context)
        if problem.error not in _TOLERATED:
            raise Failure(f"Failed to look up unit file state: {problem}") from None
        return True


def _commands(verb: str, script: str, root: str) -> list[list[str]]:
    """The helper of the distribution's systemd; without that package what the helper runs, one command after the other.

    Neither tool switches on or off what has no links yet.
    """
    for helper in _HELPERS:
        if os.access(helper, os.X_OK):
            return [[helper, *([f"--root={root}"] if root else []), verb, script]]
    if verb == "is-enabled":
        # Neither tool can be asked alike; a start link in a runlevel is what "enabled" means.
        return [["/bin/sh", "-c", 'ls "$1"/etc/rc[S5].d/S??"$2" >/dev/null 2>&1', "sh", root, script]]
    for directory in ("/usr/sbin", "/sbin"):
        tool = [*(["chroot", root] if root else []), f"{directory}/update-rc.d", script]
        if os.access(root + tool[-2], os.X_OK):
            return [[*tool, "defaults"], [*tool, verb]]
        tool[-2:] = [f"{directory}/chkconfig"]
        if os.access(root + tool[-1], os.X_OK):
            return [[*tool, "--add", script], [*tool, script, "on" if verb == "enable" else "off"]]
    return [[_HELPERS[0], verb, script]]


def _run(command: list[str]) -> int:
    import subprocess

    streams.stdout.flush()
    try:
        return subprocess.run(command, check=False, env={**os.environ, **_NATIVE_IS_OURS}).returncode
    except OSError as problem:
        raise Failure(f"Failed to execute {command[0]}: {problem.strerror}") from None
