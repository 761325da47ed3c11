"""The verbs of systemctl 252, and list-paths of 254: how many operands each takes, and the module that has it.

This is on the hot path: a module is imported when its verb is used.
"""

from __future__ import annotations

import os

from systemctl_replacement.booleans import boolean
from systemctl_replacement.cli.invocation import CommandError, Invocation

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from systemctl_replacement.cli.option_table import Options

    Verb = Callable[[list[str], Options, Invocation], int]

ANY = 1 << 30

# Verb: (fewest operands, most operands, module below cli/ or "" if it is not available yet).
VERBS = {
    "list-units": (0, ANY, "list_units"),
    "list-unit-files": (0, ANY, "unit_files"),
    "list-automounts": (0, ANY, "list_of_type"),
    "list-paths": (0, ANY, "list_of_type"),
    "list-sockets": (0, ANY, "list_of_type"),
    "list-timers": (0, ANY, "list_of_type"),
    "list-jobs": (0, ANY, "job_list"),
    "list-machines": (0, ANY, ""),
    "clear-jobs": (0, 0, "job_list"),
    "cancel": (0, ANY, "job_list"),
    "start": (1, ANY, "start"),
    "stop": (1, ANY, "start"),
    "condstop": (1, ANY, "start"),
    "reload": (1, ANY, "start"),
    "restart": (1, ANY, "start"),
    "try-restart": (1, ANY, "start"),
    "reload-or-restart": (0, ANY, "start"),
    "reload-or-try-restart": (1, ANY, "start"),
    "try-reload-or-restart": (1, ANY, "start"),
    "force-reload": (1, ANY, "start"),
    "condreload": (1, ANY, "start"),
    "condrestart": (1, ANY, "start"),
    "isolate": (1, 1, "start"),
    "default": (0, 0, "system"),
    "rescue": (0, 0, "system"),
    "emergency": (0, 0, "system"),
    "halt": (0, 0, "system"),
    "poweroff": (0, 0, "system"),
    "reboot": (0, 0, "system"),
    "kexec": (0, 0, "system"),
    "exit": (0, 1, "system"),
    "suspend": (0, 0, ""),
    "hibernate": (0, 0, ""),
    "hybrid-sleep": (0, 0, ""),
    "suspend-then-hibernate": (0, 0, ""),
    "switch-root": (1, 2, ""),
    "is-system-running": (0, 0, "states"),
    "kill": (1, ANY, "unit_actions"),
    "clean": (1, ANY, "clean"),
    "freeze": (1, ANY, "clean"),
    "thaw": (1, ANY, "clean"),
    "is-active": (1, ANY, "states"),
    "check": (1, ANY, "states"),
    "is-failed": (1, ANY, "states"),
    "reset-failed": (0, ANY, "unit_actions"),
    "show": (0, ANY, "show"),
    "cat": (1, ANY, "cat"),
    "status": (0, ANY, "status"),
    "help": (0, ANY, "manual"),
    "list-dependencies": (0, ANY, "list_dependencies"),
    "daemon-reload": (0, 0, "manager_state"),
    "daemon-reexec": (0, 0, "manager_state"),
    "log-level": (0, 1, "manager_state"),
    "log-target": (0, 1, "manager_state"),
    "service-log-level": (1, 2, ""),
    "service-log-target": (1, 2, ""),
    "service-watchdogs": (0, 1, ""),
    "show-environment": (0, 0, "environment"),
    "set-environment": (1, ANY, "environment"),
    "unset-environment": (1, ANY, "environment"),
    "import-environment": (0, ANY, "environment"),
    "set-property": (2, ANY, ""),
    "bind": (2, 3, ""),
    "mount-image": (2, 4, ""),
    "enable": (1, ANY, "unit_files"),
    "disable": (1, ANY, "unit_files"),
    "reenable": (1, ANY, "unit_files"),
    "preset": (1, ANY, "unit_files"),
    "preset-all": (0, 0, "unit_files"),
    "is-enabled": (1, ANY, "unit_files"),
    "mask": (1, ANY, "unit_files"),
    "unmask": (1, ANY, "unit_files"),
    "link": (1, ANY, "unit_files"),
    "revert": (1, ANY, "unit_files"),
    "add-wants": (2, ANY, "unit_files"),
    "add-requires": (2, ANY, "unit_files"),
    "get-default": (0, 0, "unit_files"),
    "set-default": (1, 1, "unit_files"),
    "edit": (1, ANY, "edit"),
}

# Verbs besides those of unit files that answer when $SYSTEMD_OFFLINE says that nothing runs.
_OFFLINE = ("is-system-running",)


def run(verb: str, operands: list[str], options: Options, invocation: Invocation) -> int:
    """Run a verb and return its exit status. Raises CommandError for an unknown verb or a wrong number of operands."""
    if verb not in VERBS:
        raise CommandError(f"Unknown command verb {verb}.")
    fewest, most, module = VERBS[verb]
    if len(operands) < fewest:
        raise CommandError("Too few arguments.")
    if len(operands) > most:
        raise CommandError("Too many arguments.")
    if verb not in _OFFLINE and module != "unit_files" and boolean(os.environ.get("SYSTEMD_OFFLINE", "")):
        invocation.err(f"Running in chroot, ignoring command '{verb}'")
        return 0
    function = _load(module).get(verb) if module else None
    if function is None:
        raise CommandError(f"systemctl-replacement: verb {verb} is not available yet")
    if module == "unit_files" and options.root:
        from systemctl_replacement.cli.root_directory import check_root

        check_root(verb, options)
    return function(operands, options, invocation)


def _load(module: str) -> dict[str, Verb]:
    # Plain __import__, because importlib would have to be imported itself.
    name = f"systemctl_replacement.cli.{module}"
    table: dict[str, Verb] = __import__(name, fromlist=["VERBS"]).VERBS
    return table
