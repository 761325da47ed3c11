"""Parsers of the execution environment: users, environment, streams, directories, limits.

Source: systemd.exec(5); messages from systemd 252.
"""

from __future__ import annotations

import os
from binascii import Error as Base64Error
from binascii import a2b_base64, b2a_base64

from systemctl_replacement.defaults import PRIVATE
from systemctl_replacement.log_levels import LOG_ERR, LOG_NOTICE
from systemctl_replacement.unitfile import names, quoting, values
from systemctl_replacement.unitfile.parsers import common as parsers
from systemctl_replacement.unitfile.parsers.common import expanded
from systemctl_replacement.unitfile.parsers.parse_context import UNSET, Fatal, Invalid, ParseContext, Refused
from systemctl_replacement.unitfile.specifiers import SpecifierError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def _expand_or_die(context: ParseContext, text: str) -> str:
    try:
        return context.expand(text)
    except SpecifierError as error:
        raise Fatal(f"Failed to resolve unit specifiers in {text}: {error}") from None


def user_or_group(context: ParseContext, key: str, text: str) -> Any:
    """User=, Group=: a name or a number; a bad one makes the unit unusable, so that nothing runs as root by mistake."""
    if not text:
        return UNSET
    name = _expand_or_die(context, text)
    if not values.valid_user_or_group(name):
        raise Fatal(f"Invalid user/group name or numeric ID: {name}")
    if name == "nobody" and key in ("User", "SocketUser"):
        context.warn("Special user nobody configured, this is not safe!", LOG_NOTICE)
    return name


def user_or_group_fallible(context: ParseContext, key: str, text: str) -> tuple[str, ...]:
    """SupplementaryGroups=."""
    found = []
    try:
        items = quoting.split(text, unquote=False, unescape=False)
    except quoting.QuotingError:
        raise Fatal(f"Invalid syntax: {text}") from None
    for word in items:
        name = _expand_or_die(context, word)
        if not values.valid_user_or_group(name):
            raise Fatal(f"Invalid user/group name or numeric ID: {name}")
        found.append(name)
    return tuple(found)


def environment(context: ParseContext, key: str, text: str) -> tuple[str, ...]:
    """Environment=: words of NAME=VALUE with quotes, C escapes and specifiers."""
    found = []
    position = 0
    while True:
        try:
            word, position = quoting.first_word(text, position)
        except quoting.QuotingError:
            context.warn(f"Invalid syntax, ignoring: {text}")
            break
        if word is None:
            break
        try:
            assignment = context.expand(word)
        except SpecifierError as error:
            context.warn(f"Failed to resolve specifiers in {word}, ignoring: {error}")
            continue
        if values.valid_environment_assignment(assignment):
            found.append(assignment)
        else:
            context.warn(f"Invalid environment assignment, ignoring: {assignment}")
    return tuple(found)


def pass_environment(context: ParseContext, key: str, text: str) -> tuple[str, ...]:
    """PassEnvironment=: names of variables."""
    return _variable_names(context, key, text, "Invalid environment name for PassEnvironment, ignoring: ", False)


def unset_environment(context: ParseContext, key: str, text: str) -> tuple[str, ...]:
    """UnsetEnvironment=: names, or assignments that are dropped only when they match."""
    return _variable_names(
        context, key, text, "Invalid environment name or assignment UnsetEnvironment, ignoring: ", True
    )


def _variable_names(context: ParseContext, key: str, text: str, complaint: str, assignments: bool) -> tuple[str, ...]:
    found = []
    for word in parsers.words_until(context, text, f"Trailing garbage in {key}, ignoring: {text}", LOG_ERR):
        try:
            name = context.expand(word)
        except SpecifierError as error:
            context.warn(f"Failed to resolve specifiers in {word}, ignoring: {error}")
            continue
        if values.valid_environment_name(name) or (assignments and values.valid_environment_assignment(name)):
            found.append(name)
        else:
            context.warn(complaint + name)
    return tuple(found)


def environment_file(context: ParseContext, key: str, text: str) -> tuple[tuple[bool, str], ...]:
    """EnvironmentFile=: (may be missing, path)."""
    name = expanded(context, text)
    optional = name.startswith("-")
    return ((optional, parsers.check_path(key, name[1:] if optional else name)),)


def working_directory(context: ParseContext, key: str, text: str) -> Any:
    """WorkingDirectory=: (may be missing, path or `~`)."""
    if not text:
        return UNSET
    optional = text.startswith("-")
    body = text[1:] if optional else text
    if body == "~":
        return (optional, "~")
    try:
        directory = context.expand(body)
    except SpecifierError as error:
        raise _fallible(
            optional, "Failed to resolve unit specifiers in working directory path '" + body + "'", f": {error}"
        ) from None
    return (optional, _fallible_path(key, directory, optional))


def _fallible(optional: bool, start: str, end: str) -> Exception:
    return Refused(f"{start}, ignoring{end}") if optional else Fatal(start + end)


def _fallible_path(key: str, path: str, optional: bool) -> str:
    try:
        return parsers.check_path(key, path)
    except Refused as problem:
        if optional:
            raise
        raise Fatal(str(problem).replace(", ignoring: ", ": ", 1)) from None


def fatal_path(context: ParseContext, key: str, text: str) -> Any:
    """A path that makes the unit unusable if it is invalid: RootDirectory=."""
    if not text:
        return UNSET
    return _fallible_path(key, _expand_or_die(context, text), False)


_INPUTS = ("null", "tty", "tty-force", "tty-fail", "socket", "fd", "data", "file")
_OUTPUTS = ("inherit", "null", "tty", "journal", "journal+console", "kmsg", "kmsg+console", "socket", "fd")
_OBSOLETE_OUTPUTS = {"syslog": "journal", "syslog+console": "journal+console"}


def standard_input(context: ParseContext, key: str, text: str) -> str:
    """StandardInput=, as text: `null`, `fd:NAME`, `file:PATH` …"""
    if text.startswith("fd:"):
        return "fd:" + _descriptor_name(context, text[3:], "stdin")
    if text.startswith("file:"):
        return "file:" + _stream_path(context, key, text[5:])
    if text not in _INPUTS or text == "file":
        raise Refused(f"Failed to parse input specifier, ignoring: {text}")
    return "fd:stdin" if text == "fd" else text


def standard_output(context: ParseContext, key: str, text: str) -> str:
    """StandardOutput=, StandardError=, as text: `journal`, `append:PATH` …"""
    if text.startswith("fd:"):
        return "fd:" + _descriptor_name(context, text[3:], "stdout" if key == "StandardOutput" else "stderr")
    for prefix in ("file:", "append:", "truncate:"):
        if text.startswith(prefix):
            return prefix + _stream_path(context, key, text[len(prefix) :])
    if text in _OBSOLETE_OUTPUTS:
        now = _OBSOLETE_OUTPUTS[text]
        context.warn(
            f"Standard output type {text} is obsolete, automatically updating to {now}. "
            "Please update your unit file, and consider removing the setting altogether.",
            5,
        )
        return now
    if text not in _OUTPUTS:
        raise Refused(f"Failed to parse output specifier, ignoring: {text}")
    if text == "fd":
        return "fd:stdout" if key == "StandardOutput" else "fd:stderr"
    return text


def _descriptor_name(context: ParseContext, text: str, default: str) -> str:
    name = expanded(context, text, "{}")
    if not name:
        return default
    if not values.valid_descriptor_name(name):
        raise Refused(f"Invalid file descriptor name, ignoring: {name}")
    return name


def _stream_path(context: ParseContext, key: str, text: str) -> str:
    try:
        name = context.expand(text)
    except SpecifierError as error:
        raise Refused(f"Failed to resolve unit specifiers in {text}, ignoring: {error}") from None
    try:
        return parsers.check_path(key, name)
    except Refused as problem:
        # systemd's message reads as if this were fatal, yet it loads the unit with the setting unchanged.
        raise Refused(str(problem).replace(", ignoring: ", ": ", 1), LOG_ERR) from None


def input_text(context: ParseContext, key: str, text: str) -> bytes:
    """StandardInputText=: a line of input, C escapes decoded."""
    try:
        unescaped = quoting.unescape(text)
    except quoting.QuotingError:
        raise Refused(f"Failed to decode C escaped text '{text}', ignoring: Invalid argument") from None
    return os.fsencode(expanded(context, unescaped)) + b"\n"


def input_data(context: ParseContext, key: str, text: str) -> bytes:
    """StandardInputData=: input in base64."""
    compact = "".join(text.split())
    try:
        decoded = a2b_base64(os.fsencode(compact))
        if b2a_base64(decoded, newline=False) != os.fsencode(compact):
            raise ValueError(text)
    except (Base64Error, ValueError):
        raise Refused(f"Failed to decode base64 data, ignoring: {text}") from None
    return decoded


def limit(context: ParseContext, key: str, text: str) -> values.ResourceLimit:
    """LimitNOFILE= and DefaultLimitNOFILE= and their siblings."""
    try:
        return values.parse_limit(text, key.rpartition("Limit")[2])
    except OverflowError as error:
        if "soft" in str(error):
            raise Refused(f"Soft resource limit chosen higher than hard limit, ignoring: {text}") from None
        raise Refused(f"Failed to parse resource value, ignoring: {text}") from None
    except ValueError:
        raise Refused(f"Failed to parse resource value, ignoring: {text}") from None


def nice(context: ParseContext, key: str, text: str) -> Any:
    """Nice=, -20 to 19."""
    if not text:
        return UNSET
    try:
        level = values.parse_integer(text)
    except (ValueError, OverflowError) as error:
        raise Refused(f"Failed to parse nice priority '{text}', ignoring: {parsers.message_of(error)}") from None
    if not -20 <= level <= 19:
        raise Refused(f"Nice priority out of range, ignoring: {text}")
    return level


def oom_score_adjust(context: ParseContext, key: str, text: str) -> Any:
    """OOMScoreAdjust=, -1000 to 1000."""
    if not text:
        return UNSET
    try:
        score = values.parse_integer(text)
    except (ValueError, OverflowError) as error:
        raise Refused(
            f"Failed to parse the OOM score adjust value '{text}', ignoring: {parsers.message_of(error)}"
        ) from None
    if not -1000 <= score <= 1000:
        raise Refused(f"OOM score adjust value out of range, ignoring: {text}")
    return score


def exec_directories(context: ParseContext, key: str, text: str) -> tuple[tuple[str, ...], ...]:
    """RuntimeDirectory= and its siblings: (path, symlinks …), all relative to the directory's root."""
    found: list[tuple[str, ...]] = []
    complaint = f"Invalid syntax {key}={text}, ignoring: Invalid argument"
    for word in parsers.words_until(context, text, complaint, retain_escape=True):
        try:
            parts = quoting.split(word, ":", unquote=False, unescape_separators=True)
        except quoting.QuotingError:
            parts = []
        if not parts:
            context.warn(f"Invalid syntax in {key}=, ignoring: {word}")
            break
        try:
            source = _directory(context, key, parts[0])
            if len(parts) > 1 and key == "ConfigurationDirectory":
                raise Refused(f"Destination parameter is not supported for ConfigurationDirectory, ignoring: {word}")
            found.append((source, *(_directory(context, key, target) for target in parts[1:2])))
        except Refused as problem:
            context.warn(str(problem), problem.level)
    return tuple(found)


def _directory(context: ParseContext, key: str, text: str) -> str:
    path = parsers.check_path(key, expanded(context, text, '"{}"'), absolute=False)
    if path.split("/")[0] == PRIVATE:
        raise Refused(f"{key}= path can't be 'private', ignoring assignment: {text}")
    return path


def exit_status_set(context: ParseContext, key: str, text: str) -> values.StatusSet:
    """SuccessExitStatus=, RestartPreventExitStatus=, RestartForceExitStatus=."""
    found = values.StatusSet()
    try:
        items = quoting.split(text, unquote=False, unescape=False)
    except quoting.QuotingError:
        raise Refused(f"Invalid syntax, ignoring: {text}", LOG_ERR) from None
    for word in items:
        try:
            found |= values.parse_exit_status(word)
        except (ValueError, OverflowError):
            context.warn(f"Failed to parse value, ignoring: {word}")
    return found


def pid_file(context: ParseContext, key: str, text: str) -> Any:
    """PIDFile=: relative paths are below /run."""
    if not text:
        return UNSET
    name = expanded(context, text)
    name = name if name.startswith("/") else f"{context.subject.host.runtime_root}/{name}"
    try:
        path = parsers.check_path(key, name)
    except Refused as problem:
        raise Invalid(str(problem), 22) from None
    if path.startswith("/var/run/"):
        better = "/run/" + path[len("/var/run/") :]
        context.warn(
            f"PIDFile= references a path below legacy directory /var/run/, updating {path} \u2192 {better}; "
            "please update the unit file accordingly.",
            5,
        )
        return better
    return path


def log_extra_fields(context: ParseContext, key: str, text: str) -> tuple[str, ...]:
    """LogExtraFields=: FIELD=VALUE for the journal."""
    found = []
    try:
        items = quoting.split(text)
    except quoting.QuotingError:
        raise Refused(f"Invalid syntax, ignoring: {text}") from None
    for word in items:
        field, equals, _ = word.partition("=")
        if not equals:
            context.warn(f"Log field lacks '=' character, ignoring: {word}")
        elif not (field.replace("_", "A").isalnum() and field.isascii() and field.upper() == field and field[0] != "_"):
            context.warn(f"Log field name is invalid, ignoring: {word}")
        else:
            found.append(expanded(context, word, "{}"))
    return tuple(found)


def sockets(context: ParseContext, key: str, text: str) -> tuple[str, ...]:
    """Sockets= of services."""

    def convert(word: str) -> str:
        name = expanded(context, word)
        if not name.endswith(".socket"):
            raise Refused(f"Unit must be of type socket, ignoring: {name}")
        if not names.valid_unit_name(name):
            raise Refused(f"Failed to add dependency on {name}, ignoring: Invalid argument")
        return name

    return parsers.each(context, parsers.words(context, key, text), convert)


def exec_search_path(context: ParseContext, key: str, text: str) -> tuple[str, ...]:
    """ExecSearchPath=: colon-separated absolute directories."""
    items = quoting.split(text, ":", unquote=False, retain_escape=True)
    return tuple(parsers.check_path(key, expanded(context, word, "{}")) for word in items)
