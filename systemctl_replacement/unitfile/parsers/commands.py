"""Command lines of ExecStart= and its siblings.

Source: systemd.service(5) "COMMAND LINES"; messages from systemd 252. Variables ($VAR) are not expanded here but
when the command is run.
"""

from __future__ import annotations

import os

from systemctl_replacement.log_levels import LOG_ERR
from systemctl_replacement.records import dataclass
from systemctl_replacement.unitfile import names, quoting
from systemctl_replacement.unitfile.parsers.parse_context import Fatal, ParseContext, Refused
from systemctl_replacement.unitfile.specifiers import SpecifierError


@dataclass(frozen=True)
class ExecCommand:
    """One command: the program, its whole argv (an `@` is already applied to argv[0]), and its prefixes.

    `path` is absolute, or a plain file name to be looked up when run. `privileged` is one of "", "+", "!", "!!".
    """

    path: str
    argv: tuple[str, ...]
    ignore_failure: bool = False
    no_environment: bool = False
    privileged: str = ""


def parse_commands(context: ParseContext, key: str, text: str) -> tuple[ExecCommand, ...]:
    """All commands of one assignment; several are separated by a lone `;`. Raises Refused or Fatal as systemd does."""
    commands: list[ExecCommand] = []
    position = len(text) - len(text.lstrip(quoting.WHITESPACE))
    more = True
    while more:
        try:
            command, position, more = _one_command(context, text, position)
        except Refused as problem:
            # systemd keeps the commands before it on the same line.
            context.warn(str(problem), problem.level)
            break
        if command is None:
            break
        commands.append(command)
    return tuple(commands)


def extract_word(context: ParseContext, text: str, position: int) -> tuple[str | None, int]:
    """The next word, unquoted and unescaped; unknown escapes are kept and reported. Refused for unbalanced quotes."""
    try:
        return quoting.first_word(text, position)
    except quoting.QuotingError:
        pass
    try:
        word, after = quoting.first_word(text, position, unescape_relax=True)
    except quoting.QuotingError:
        raise Refused(f'Unbalanced quoting, ignoring: "{text}"', LOG_ERR) from None
    context.warn(f'Ignoring unknown escape sequences: "{word}"')
    return word, after


def _one_command(context: ParseContext, text: str, position: int) -> tuple[ExecCommand | None, int, bool]:
    start = position
    first, position = extract_word(context, text, position)
    if first is None:
        return None, position, False
    ignore = no_environment = separate_argv0 = False
    privileged = ""
    skipped = 0
    for character in first:
        if character == "-" and not ignore:
            ignore = True
        elif character == "@" and not separate_argv0:
            separate_argv0 = True
        elif character == ":" and not no_environment:
            no_environment = True
        elif character in "+!" and not privileged:
            privileged = character
        elif character == "!" and privileged == "!":
            privileged = "!!"
        else:
            break
        skipped += 1
    written = first[skipped:]

    def fail(message: str, subject: str) -> Exception:
        if ignore:
            return Refused(f"{message}, ignoring{subject}")
        return Fatal(f"{message}{subject}")

    try:
        path = context.expand(written)
    except SpecifierError as error:
        if ignore:
            raise Refused(f"Failed to resolve unit specifiers in '{written}', ignoring: {error}") from None
        raise Fatal(f"Failed to resolve unit specifiers in '{written}': {error}") from None
    if not path:
        raise fail("Empty path in command line", f": '{text[start:]}'")
    if any(character < " " or character in "\"'\\\x7f" for character in path):
        raise fail("Executable name contains special characters", f": {path}")
    if path.endswith("/"):
        raise fail("Executable path specifies a directory", f": {path}")
    if not path.startswith("/") and ("/" in path or path in (".", "..") or len(os.fsencode(path)) > 255):
        raise fail("Neither a valid executable name nor an absolute path", f": {path}")
    path = names.simplify_path(path)
    argv: list[str] = [] if separate_argv0 else [path]
    more = False
    end = len(text)
    while position < end:
        if text[position] == ";" and (position + 1 == end or text[position + 1] in quoting.WHITESPACE):
            position = _skip_blanks(text, position + 1)
            more = True
            break
        if text.startswith("\\;", position) and (position + 2 == end or text[position + 2] in quoting.WHITESPACE):
            position = _skip_blanks(text, position + 2)
            argv.append(";")
            continue
        try:
            word, position = extract_word(context, text, position)
        except Refused as problem:
            if ignore:
                raise
            raise Fatal(str(problem)) from None
        if word is None:
            break
        try:
            argv.append(context.expand(word))
        except SpecifierError as error:
            raise fail(f"Failed to resolve unit specifiers in {word}", f": {error}") from None
    if not argv or not argv[0]:
        raise fail("Empty executable name or zeroeth argument", f": {text[start:]}")
    return ExecCommand(path, tuple(argv), ignore, no_environment, privileged), position, more


def _skip_blanks(text: str, position: int) -> int:
    while position < len(text) and text[position] in quoting.WHITESPACE:
        position += 1
    return position
