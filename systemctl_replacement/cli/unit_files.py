"""The verbs that change which unit files are enabled: enable, disable, mask, preset, link … They need no manager.

With one running its wording is used and it is asked to reload. Source: systemctl(1) "Unit File Commands".
"""

from __future__ import annotations

import os

from systemctl_replacement.booleans import boolean
from systemctl_replacement.cli import verbs
from systemctl_replacement.cli.invocation import Context, Failure
from systemctl_replacement.cli.option_table import Options
from systemctl_replacement.cli.terminal import unicode_wanted
from systemctl_replacement.cli.unit_files_common import (
    new_plan,
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
    InstallFailed,
    Outcome,
    apply,
)
from systemctl_replacement.enablement.lookup import Plan, unit_file_exists
from systemctl_replacement.unitfile.names import simplify_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from systemctl_replacement.control.client import Client

    Verb = Callable[[list[str], Options, Context], int]

_STARTED_NOW = {"enable": "start", "disable": "stop", "mask": "stop"}
_HINTED = ("enable", "reenable")


def _verb(name: str) -> Verb:
    """The function of a verb that takes a list of units."""

    def run(arguments: list[str], options: Options, context: Context) -> int:
        return _change(name, arguments, options, context)

    return run


def _change(verb: str, arguments: list[str], options: Options, context: Context) -> int:
    """The verbs that take a list of units."""
    if not arguments:
        return 0
    if options.now and verb in _STARTED_NOW:
        context.refuse_as_pid1(f"{verb} --now")  # before any file is touched
    plan = new_plan(options, context)
    names = unit_names(arguments, f"to {verb}", options, context)
    synchronize(verb, names, options, context, plan)
    if not names:  # all were init scripts
        _reload(options, context)
        return 0
    if verb == "disable":
        names = _without_paths(names, context)
    elif verb == "link":
        names = _absolute(names, context)
    if verb in ("mask", "unmask") and _online(options, context):
        _note_missing(names, plan, context)
    outcome = _plan(verb, plan, names, options)
    status = _finish(outcome, verb, f"Failed to {verb} unit", options, context)
    if status:
        return status
    if verb in _HINTED and outcome.carried == 0 and not options.quiet and not options.no_warn:
        context.err(not_installable(unicode_wanted()))
    if options.now and verb in _STARTED_NOW:
        return verbs.run(_STARTED_NOW[verb], [os.path.basename(name) for name in names], options, context)
    return 0


def _plan(verb: str, plan: Plan, names: list[str], options: Options) -> Outcome:
    runtime, force = options.runtime, bool(options.force)
    if verb == "enable":
        return plans.enable(plan, names, runtime=runtime, force=force)
    if verb == "disable":
        return plans.disable(plan, names, runtime=runtime)
    if verb == "reenable":
        return plans.reenable(plan, names, runtime=runtime, force=force)
    if verb == "preset":
        mode = options.preset_mode
        return plans.preset(plan, names, mode=mode, runtime=runtime, force=force)
    if verb == "mask":
        return plans.mask(plan, names, runtime=runtime, force=force)
    if verb == "unmask":
        return plans.unmask(plan, names, runtime=runtime)
    if verb == "link":
        return plans.link(plan, names, runtime=runtime, force=force)
    return plans.revert(plan, names)


def _run_preset_all(arguments: list[str], options: Options, context: Context) -> int:
    plan = new_plan(options, context)
    outcome = plans.preset_all(plan, mode=options.preset_mode, runtime=options.runtime, force=bool(options.force))
    return _finish(outcome, "preset", "Failed to preset all units", options, context)


def _run_add_wants(arguments: list[str], options: Options, context: Context) -> int:
    return _add_dependency(arguments, options, context, "WantedBy")


def _run_add_requires(arguments: list[str], options: Options, context: Context) -> int:
    return _add_dependency(arguments, options, context, "RequiredBy")


def _add_dependency(arguments: list[str], options: Options, context: Context, kind: str) -> int:
    target = unit_name(arguments[0], ".target", "as target", options, context)
    names = unit_names(arguments[1:], "as dependency", options, context)
    outcome = plans.add_dependency(
        new_plan(options, context), target, names, kind, runtime=options.runtime, force=bool(options.force)
    )
    return _finish(outcome, "add dependency on", "Failed to add dependency", options, context)


def _run_set_default(arguments: list[str], options: Options, context: Context) -> int:
    target = unit_name(arguments[0], ".target", "set-default", options, context)
    outcome = plans.set_default(new_plan(options, context), target)
    status = _finish(outcome, "set default", "Failed to set default target", options, context)
    if status == 0 and not options.quiet:
        name = default_target(options, context)
        if name != target:
            context.err(f'Note: "{name}" is the default unit (possibly a runtime override).')
    return status


def _finish(outcome: Outcome, verb: str, online_failure: str, options: Options, context: Context) -> int:
    """Change the files, unless a manager is there that would not let us; print what was done; the exit status."""
    manager = _manager(options, context)
    if manager is not None and not manager.may_change:
        raise Failure(f"{online_failure}: Access denied")
    return _report(apply(outcome, context.paths.root), verb, online_failure, options, context)


def _manager(options: Options, context: Context) -> Client | None:
    """The running manager if these unit files are its own."""
    if (
        options.root
        or context.paths.root
        or options.scope == "global"
        or boolean(os.environ.get("SYSTEMD_OFFLINE", ""))
    ):
        return None
    return context.manager()


def _online(options: Options, context: Context) -> bool:
    return _manager(options, context) is not None


def _report(outcome: Outcome, verb: str, online_failure: str, options: Options, context: Context) -> int:
    """Print what was done, have the manager reload; the exit status."""
    online = _online(options, context)
    if not online:  # a running manager has said in its log what is wrong with the files
        report_problems(list(outcome.problems), context)
    errors = [change for change in outcome.changes if change.kind == ERROR]
    if online and (outcome.error or (errors and len(errors) == len(outcome.changes))):
        reason = describe_online(errors[0]) if errors else os.strerror(outcome.error)
        raise Failure(f"{online_failure}: {reason}")
    unicode = unicode_wanted()
    for change in outcome.changes:
        if online and change.kind == ERROR:
            continue
        if change.kind == ERROR or not options.quiet:
            context.err(describe(change, verb, unicode=unicode))
    if outcome.error:
        raise Failure("" if errors else f"Failed to {verb}: {os.strerror(outcome.error)}.")
    _reload(options, context)
    return 0


def _reload(options: Options, context: Context) -> None:
    manager = _manager(options, context)
    if manager is not None and not options.no_reload:
        manager.call("Reload")


def _note_missing(names: list[str], plan: Plan, context: Context) -> None:
    for name in names:
        try:
            exists = unit_file_exists(plan.lookup(), name)
        except InstallFailed:
            exists = True
        if not exists:
            context.err(f"Unit {name} does not exist, proceeding anyway.")


def _without_paths(names: list[str], context: Context) -> list[str]:
    if any("/" in name for name in names):
        context.err("Warning: Can't execute disable on the unit file path. Proceeding with the unit name.")
    return [os.path.basename(name) for name in names]


def _absolute(names: list[str], context: Context) -> list[str]:
    """The files to link. A name without a slash is one in the current directory, which means nothing below a root."""
    if context.paths.root:
        for name in names:
            if not name.startswith("/"):
                raise Failure(f"Non-absolute paths are not allowed when --root is used: {name}")
    for name in names:
        if "/" not in name:
            raise Failure(
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
"""Verb to function (arguments, options, context) -> exit status."""
