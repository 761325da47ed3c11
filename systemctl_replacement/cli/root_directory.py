"""--root=: whether it names a directory, and the message of each verb if it does not."""

from __future__ import annotations

import os

from systemctl_replacement.cli.invocation import CommandError
from systemctl_replacement.cli.option_table import Options

# The messages of verbs about a root directory that cannot be used. The other verbs fail to look for units there.
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
    """Raise CommandError with the verb's message if --root= does not name a directory."""
    if not options.root:
        return
    try:
        os.close(os.open(options.root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC))
    except OSError as error:
        other = f"Failed to initialize unit search paths for root directory {options.root}: {{}}"
        raise CommandError(_ROOT_PROBLEMS.get(verb, other).format(os.strerror(error.errno or 0))) from None
