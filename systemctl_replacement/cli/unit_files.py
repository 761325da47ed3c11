"""The verbs that change which unit files are enabled: enable, disable, mask, preset, link … They need no manager.

If one runs, they use its wording and ask it to reload. Source: systemctl(1) "Unit File Commands".
"""

from __future__ import annotations

import os

from systemctl_replacement.booleans import boolean
from systemctl_replacement.cli import verbs
from systemctl_replacement.cli.invocation import CommandError, Invocation
from systemctl_replacement.cli.option_table import Options
from systemctl_replacement.cli.unit_files_common import (
    new_planner,
    report_problems,
    unit_name,
    unit_names,
)
from systemctl_replacement.cli.unit_files_list import (
    default_target,
    run_get_default,
    run_is_enabled,
    run_list_unit_files,
)
from systemctl_replacement.cli.unit_files_sysv import synchronize
from systemctl_replacement.cli.unit_files_text import describe, describe_online, not_installable
from systemctl_replacement.enablement import plans
from systemctl_replacement.enablement.changes import (
    ERROR,
    InstallError,
    Plan,
    apply,
)
from systemctl_replacement.enablement.lookup import Planner, unit_file_exists
from systemctl_replacement.terminal_settings import unicode_wanted
from systemctl_replacement.unitfile.names import simplify_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from systemctl_replacement.control.client import Client

    Verb = Callable[[list[str], Options, Invocation], int]

_STARTED_NOW = {"enable": "start", "disable": "stop", "mask": "stop"}
_HINTED = ("enable", "reenable")


def _verb(name: str) -> Verb:
    """The function of a verb that takes a list of units."""

    def run(arguments: list[str], options: Options, invocation: Invocation) -> int:
        return _change(name, arguments, options, invocation)

    return run


def _change(verb: str, arguments: list[str], options: Options, invocation: Invocation) -> int:
    """Run a verb that takes a list of units."""
    if not arguments:
        return 0
    if options.now and verb in _STARTED_NOW:
        invocation.refuse_as_pid1(f"{verb} --now")  # before any file is touched
    planner = new_planner(options, invocation)
    names = unit_names(arguments, f"to {verb}", options, invocation)
    synchronize(verb, names, options, invocation, planner)
    if not names:  # all were init scripts
        _reload(options, invocation)
        return 0
    if verb == "disable":
        names = _without_paths(names, invocation)
    elif verb == "link":
        names = _absolute(names, invocation)
    if verb in ("mask", "unmask") and _online(options, invocation):
        _note_missing(names, planner, invocation)
    plan = _plan(verb, planner, names, options)
    status = _finish(plan, verb, f"Failed to {verb} unit", options, invocation)
    if status:
        return status
    if verb in _HINTED and plan.carried == 0 and not options.quiet and not options.no_warn:
        invocation.err(not_installable(unicode_wanted()))
    if options.now and verb in _STARTED_NOW:
        return verbs.run(_STARTED_NOW[verb], [os.path.basename(name) for name in names], options, invocation)
    return 0


def _plan(verb: str, planner: Planner, names: list[str], options: Options) -> Plan:
    runtime, force = options.runtime, bool(options.force)
    if verb == "enable":
        return plans.enable(planner, names, runtime=runtime, force=force)
    if verb == "disable":
        return plans.disable(planner, names, runtime=runtime)
    if verb == "reenable":
        return plans.reenable(planner, names, runtime=runtime, force=force)
    if verb == "preset":
        mode = options.preset_mode
        return plans.preset(planner, names, mode=mode, runtime=runtime, force=force)
    if verb == "mask":
        return plans.mask(planner, names, runtime=runtime, force=force)
    if verb == "unmask":
        return plans.unmask(planner, names, runtime=runtime)
    if verb == "link":
        return plans.link(planner, names, runtime=runtime, force=force)
    return plans.revert(planner, names)


def _run_preset_all(arguments: list[str], options: Options, invocation: Invocation) -> int:
    planner = new_planner(options, invocation)
    plan = plans.preset_all(planner, mode=options.preset_mode, runtime=options.runtime, force=bool(options.force))
    return _finish(plan, "preset", "Failed to preset all units", options, invocation)


def _run_add_wants(arguments: list[str], options: Options, invocation: Invocation) -> int:
    return _add_dependency(arguments, options, invocation, "WantedBy")


def _run_add_requires(arguments: list[str], options: Options, invocation: Invocation) -> int:
    return _add_dependency(arguments, options, invocation, "RequiredBy")


def _add_dependency(arguments: list[str], options: Options, invocation: Invocation, kind: str) -> int:
    target = unit_name(arguments[0], ".target", "as target", options, invocation)
    names = unit_names(arguments[1:], "as dependency", options, invocation)
    plan = plans.add_dependency(
        new_planner(options, invocation), target, names, kind, runtime=options.runtime, force=bool(options.force)
    )
    return _finish(plan, "add dependency on", "Failed to add dependency", options, invocation)


def _run_set_default(arguments: list[str], options: Options, invocation: Invocation) -> int:
    target = unit_name(arguments[0], ".target", "set-default", options, invocation)
    plan = plans.set_default(new_planner(options, invocation), target)
    status = _finish(plan, "set default", "Failed to set default target", options, invocation)
    if status == 0 and not options.quiet:
        name = default_target(options, invocation)
        if name != target:
            invocation.err(f'Note: "{name}" is the default unit (possibly a runtime override).')
    return status


def _finish(plan: Plan, verb: str, online_failure: str, options: Options, invocation: Invocation) -> int:
    """Change the files, unless a running manager would refuse it, and report. Returns the exit status."""
    manager = _manager(options, invocation)
    if manager is not None and not manager.may_change:
        raise CommandError(f"{online_failure}: Access denied")
    return _report(apply(plan, invocation.paths.root), verb, online_failure, options, invocation)


def _manager(options: Options, invocation: Invocation) -> Client | None:
    """The running manager if the unit files are its own."""
    if (
        options.root
        or invocation.paths.root
        or options.scope == "global"
        or boolean(os.environ.get("SYSTEMD_OFFLINE", ""))
    ):
        return None
    return invocation.manager()


def _online(options: Options, invocation: Invocation) -> bool:
    return _manager(options, invocation) is not None


def _report(plan: Plan, verb: str, online_failure: str, options: Options, invocation: Invocation) -> int:
    """Print what was done and have the manager reload. Returns the exit status."""
    online = _online(options, invocation)
    if not online:  # a running manager has logged what is wrong with the files
        report_problems(list(plan.problems), invocation)
    errors = [change for change in plan.changes if change.kind == ERROR]
    if online and (plan.error or (errors and len(errors) == len(plan.changes))):
        reason = describe_online(errors[0]) if errors else os.strerror(plan.error)
        raise CommandError(f"{online_failure}: {reason}")
    unicode = unicode_wanted()
    for change in plan.changes:
        if online and change.kind == ERROR:
            continue
        if change.kind == ERROR or not options.quiet:
            invocation.err(describe(change, verb, unicode=unicode))
    if plan.error:
        raise CommandError("" if errors else f"Failed to {verb}: {os.strerror(plan.error)}.")
    _reload(options, invocation)
    return 0


def _reload(options: Options, invocation: Invocation) -> None:
    manager = _manager(options, invocation)
    if manager is not None and not options.no_reload:
        manager.call("Reload")


def _note_missing(names: list[str], planner: Planner, invocation: Invocation) -> None:
    for name in names:
        try:
            exists = unit_file_exists(planner.lookup(), name)
        except InstallError:
            exists = True
        if not exists:
            invocation.err(f"Unit {name} does not exist, proceeding anyway.")


def _without_paths(names: list[str], invocation: Invocation) -> list[str]:
    if any("/" in name for name in names):
        invocation.err("Warning: Can't execute disable on the unit file path. Proceeding with the unit name.")
    return [os.path.basename(name) for name in names]


def _absolute(names: list[str], invocation: Invocation) -> list[str]:
    """The files to link, as absolute paths. Below a root a relative path means nothing."""
    if invocation.paths.root:
        for name in names:
            if not name.startswith("/"):
                raise CommandError(f"Non-absolute paths are not allowed when --root is used: {name}")
    for name in names:
        if "/" not in name:
            raise CommandError(
                "Link argument must contain at least one directory separator.\n"
                f"If you intended to link a file in the current directory, try ./{name} instead."
            )
    return [simplify_path(os.path.join(os.getcwd(), name)) for name in names]


VERBS: Mapping[str, Verb] = {
    **{name: _verb(name) for name in ("enable", "disable", "reenable", "preset", "mask", "unmask", "link", "revert")},
    "preset-all": _run_preset_all,
    "add-wants": _run_add_wants,
    "add-requires": _run_add_requires,
    "set-default": _run_set_default,
    "get-default": run_get_default,
    "is-enabled": run_is_enabled,
    "list-unit-files": run_list_unit_files,
}
"""The function of each verb: (arguments, options, invocation) -> exit status."""
