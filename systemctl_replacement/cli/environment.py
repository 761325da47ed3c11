"""show-environment, set-environment, unset-environment, import-environment: the manager's environment block."""

from __future__ import annotations

import os

from systemctl_replacement.cli.invocation import CommandError, Invocation
from systemctl_replacement.cli.names import check_utf8
from systemctl_replacement.cli.printable import ESCAPES
from systemctl_replacement.control.client import CallError
from systemctl_replacement.terminal_settings import is_coerced
from systemctl_replacement.unitfile.values import valid_environment_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from systemctl_replacement.cli.option_table import Options

# Characters that mean something else to a shell.
_SPECIAL = frozenset(" \t\n\r\v\f\"\\`$*?['()<>|&;!#~={}^@+-]%,:/") - frozenset("@%+=:,./-_^{}]!#")


def show_environment(_words: list[str], options: Options, invocation: Invocation) -> int:
    """Print the environment that services start with, quoted for a shell."""
    invocation.page()
    if options.output.startswith("json"):
        from systemctl_replacement.cli.json_text import json_text

        pairs = [entry.partition("=") for entry in _environment(invocation)]
        invocation.out(json_text({name: value for name, _, value in pairs}, options.output))
        return 0
    for entry in _environment(invocation):
        name, _, value = entry.partition("=")
        invocation.out(f"{name}={shell_quoted(value)}")
    return 0


def _environment(invocation: Invocation) -> list[str]:
    environment: list[str] = invocation.manager_or_files().call("GetEnvironment")["environment"]
    return environment


def shell_quoted(value: str) -> str:
    """The value itself, or $'...' if a shell would not read it back as the same."""
    if not any(character in _SPECIAL or not character.isprintable() for character in value):
        return value
    quoted = "".join(
        ESCAPES.get(character) or ("\\" + character if character in "\\'" else character) for character in value
    )
    return f"$'{quoted}'"


def set_environment(words: list[str], _options: Options, invocation: Invocation) -> int:
    """Add assignments to the environment that services start with."""
    return _change(invocation, "set", words)


def _change(invocation: Invocation, verb: str, words: list[str]) -> int:
    check_utf8(words)
    manager = invocation.running_manager(f"{verb}-environment")
    try:
        if verb == "unset":
            manager.call("UnsetEnvironment", names=words)
        else:
            manager.call("SetEnvironment", assignments=words)
    except CallError as error:
        said = "set" if verb == "unset" else verb
        raise CommandError(f"Failed to {said} environment: {error.message}") from None
    return 0


def unset_environment(words: list[str], _options: Options, invocation: Invocation) -> int:
    """Remove variables from the environment that services start with."""
    return _change(invocation, "unset", words)


def import_environment(words: list[str], _options: Options, invocation: Invocation) -> int:
    """Copy variables from the caller's environment: the named ones, or all."""
    if not words:
        invocation.err("Calling import-environment without a list of variable names is deprecated.")
        own = ("LC_CTYPE",) if is_coerced() else ()
        variables = [f"{name}={value}" for name, value in os.environ.items() if name not in own]
        return _change(invocation, "import", variables)
    assignments = []
    for name in words:
        if not valid_environment_name(name):
            raise CommandError(f"Not a valid environment variable name: {name}")
        if name in os.environ:
            assignments.append(f"{name}={os.environ[name]}")
        else:
            invocation.err(f"Environment variable ${name} not set, ignoring.")
    return _change(invocation, "import", assignments)


VERBS = {
    "show-environment": show_environment,
    "set-environment": set_environment,
    "unset-environment": unset_environment,
    "import-environment": import_environment,
}
