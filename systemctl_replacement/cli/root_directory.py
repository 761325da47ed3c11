"""--root=: whether it names a directory, and what each verb says if it does not."""

from __future__ import annotations

import os

from systemctl_replacement.cli.invocation import CommandError
from systemctl_replacement.cli.option_table import Options

# What verbs say of a root directory that cannot be used; the others cannot look for units there.
_ROOT_PROBLEMS = {
    "list-unit-files": "Failed to get unit file list: {}",
    "get-default": "Failed to get default target: {}",
    "set-default": "Failed to set default: {}.",
    "mask": "Failed to mask: {}.",
    "unmask": "Failed to unmask: {}.",
    "preset": "Failed to preset: {}.",
    "preset-all": "Failed to preset: {}.",
    "add-wants": "Failed to add dependency on: {}.",
    "add-requires": "Failed to add dependency on: {}.",
    "link": "Failed to link: {}.",
}


def check_root(verb: str, options: Options) -> None:
    """Raise CommandError, in the words of the verb, if --root= names no directory."""
    if not options.root:
        return
    try:
        os.close(os.open(options.root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC))
    except OSError as error:
        other = f"Failed to initialize unit search paths for root directory {options.root}: {{}}"
        raise CommandError(_ROOT_PROBLEMS.get(verb, other).format(os.strerror(error.errno or 0))) from None
