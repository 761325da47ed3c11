"""Parsers of values that many directives share; parse_context.py defines what a parser is.

The messages are those of systemd 252, as observed by feeding it wrong values.
"""

from __future__ import annotations

import os

from systemctl_replacement.log_levels import LOG_ERR, LOG_WARNING
from systemctl_replacement.unitfile import names, quoting, values
from systemctl_replacement.unitfile.parsers.parse_context import UNSET, Fatal, ParseContext, Parser, Refused
from systemctl_replacement.unitfile.specifiers import SpecifierError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator
    from typing import Any, TypeVar

    T = TypeVar("T")


def message_of(error: Exception) -> str:
    """The strerror text systemd puts behind a message for a value it could not parse."""
    return os.strerror(34) if isinstance(error, OverflowError) else os.strerror(22)


def simple(convert: Callable[[str], Any], what: str, *, empty: Any = None) -> Parser:
    """A parser around `convert`; "Failed to parse WHAT, ignoring: TEXT" if it raises. `empty`: the value of no text."""

    def parse(context: ParseContext, key: str, text: str) -> Any:
        if empty is not None and not text:
            return empty
        try:
            return convert(text)
        except (ValueError, OverflowError):
            raise Refused(f"Failed to parse {what}, ignoring: {text}") from None

    return parse


def choice(options: Collection[str], what: str, *, empty: Any = None, aliases: dict[str, str] | None = None) -> Parser:
    """One of a set of words."""
    allowed = frozenset(options)

    def convert(text: str) -> str:
        if aliases and text in aliases:
            return aliases[text]
        if text not in allowed:
            raise ValueError(text)
        return text

    return simple(convert, what, empty=empty)


def bool_or(options: Collection[str], what: str, *, empty: Any = None) -> Parser:
    """A boolean ("yes" or "no" as the value) or one of a set of words, as ProtectSystem=."""
    allowed = frozenset(options)

    def convert(text: str) -> str:
        if text in allowed:
            return text
        return "yes" if values.parse_bool(text) else "no"

    return simple(convert, what, empty=empty)


def fatal_boolean(context: ParseContext, key: str, text: str) -> bool:
    """A boolean that makes the unit unusable if it is invalid: DynamicUser=."""
    try:
        return values.parse_bool(text)
    except ValueError:
        raise Fatal(f"Failed to parse boolean value: {text}") from None


boolean = simple(values.parse_bool, "boolean value")
tristate = simple(values.parse_bool, "boolean value", empty=UNSET)
seconds = simple(values.parse_time_span, "sec value")
time_value = simple(values.parse_time_span, "time value")
nanoseconds = simple(values.parse_nsec_span, "nsec value")
mode = simple(values.parse_mode, "mode value")
signal = simple(values.parse_signal, "signal name")
unsigned = simple(values.parse_unsigned, "unsigned value")
integer = simple(values.parse_integer, "int value")
long_integer = simple(lambda text: values.parse_integer(text, -(2**63), 2**63 - 1), "long value")


def zero_is_never(context: ParseContext, key: str, text: str) -> int:
    """A time span where 0 turns the limit off: TimeoutSec= and its like."""
    span = int(time_value(context, key, text))
    return values.INFINITY if span == 0 else span


def named_zero_is_never(context: ParseContext, key: str, text: str) -> int:
    """The same with the directive's name in the message."""
    try:
        span = values.parse_time_span(text)
    except ValueError:
        raise Refused(f"Failed to parse {key}= parameter, ignoring: {text}") from None
    return values.INFINITY if span == 0 else span


def size(context: ParseContext, key: str, text: str) -> int:
    """Bytes (SendBuffer=)."""
    try:
        return values.parse_size(text)
    except ValueError as error:
        raise Refused(f"Failed to parse size value '{text}', ignoring: {message_of(error)}") from None


def expanded(context: ParseContext, text: str, form: str = "'{}'") -> str:
    """`text` with specifiers; Refused with systemd's usual message, in which `form` shows the text."""
    try:
        return context.expand(text)
    except SpecifierError as error:
        shown = form.format(text)
        raise Refused(f"Failed to resolve unit specifiers in {shown}, ignoring: {error}") from None


def string(context: ParseContext, key: str, text: str) -> Any:
    """Free text with specifiers; empty goes back to the default."""
    return expanded(context, text) or UNSET


def plain_string(context: ParseContext, key: str, text: str) -> Any:
    """Free text as it is."""
    return text or UNSET


def check_path(key: str, path: str, *, absolute: bool = True) -> str:
    """A path simplified, refused in systemd's words if it is relative (or absolute), has `..`, or is unsafe."""
    if absolute and not path.startswith("/"):
        raise Refused(f"{key}= path is not absolute, ignoring: {path}")
    if not absolute and path.startswith("/"):
        raise Refused(f"{key}= path is absolute, ignoring: {path}")
    if "\0" in path or len(path.encode("utf-8", "surrogateescape")) >= 4096:
        raise Refused(f"{key}= path is too long, ignoring: {path}")
    path = names.simplify_path(path)
    if path in ("", ".") or (".." in path and not names.is_normalized_path(path)):
        raise Refused(f"{key}= path is not normalized, ignoring: {path}")
    return path


def path(context: ParseContext, key: str, text: str) -> Any:
    """An absolute path; empty goes back to the default."""
    if not text:
        return UNSET
    return check_path(key, expanded(context, text))


def words_until(
    context: ParseContext, text: str, complaint: str, level: int = LOG_WARNING, **flags: bool
) -> Iterator[str]:
    """The words of a list one by one, as `quoting.first_word` gives them; those before an invalid one count."""
    position = 0
    while True:
        try:
            word, position = quoting.first_word(text, position, quoting.WHITESPACE, **flags)
        except quoting.QuotingError:
            context.warn(complaint, level)
            return
        if word is None:
            return
        yield word


def words(context: ParseContext, key: str, text: str) -> list[str]:
    """The words of a list: quotes group, backslashes are kept. Refused for unbalanced quotes."""
    try:
        return quoting.split(text, retain_escape=True)
    except quoting.QuotingError:
        raise Refused(f"Invalid syntax, ignoring: {text}", LOG_ERR) from None


def string_list(context: ParseContext, key: str, text: str) -> tuple[str, ...]:
    """Words with specifiers."""
    return each(context, words(context, key, text), lambda word: expanded(context, word))


def each(context: ParseContext, items: Iterable[T], convert: Callable[[T], Any]) -> tuple[Any, ...]:
    """The converted items; one that is refused is reported and left out."""
    found = []
    for item in items:
        try:
            found.append(convert(item))
        except Refused as problem:
            context.warn(str(problem), problem.level)
    return tuple(found)


def path_list(context: ParseContext, key: str, text: str) -> tuple[str, ...]:
    """Absolute paths."""
    return each(context, words(context, key, text), lambda word: check_path(key, expanded(context, word, "{}")))


def prefixed_path_list(context: ParseContext, key: str, text: str) -> tuple[str, ...]:
    """Absolute paths with the prefixes `-` (may be missing) and `+` (below RootDirectory=), which are kept."""

    def convert(word: str) -> str:
        body = word.lstrip("-+") if word[:2] in ("-+", "+-") else word[1:] if word[:1] in ("-", "+") else word
        prefix = word[: len(word) - len(body)]
        return prefix + check_path(key, expanded(context, body, "{}"))

    try:
        items = quoting.split(text, unescape=False)
    except quoting.QuotingError:
        raise Refused(f"Failed to extract first word, ignoring: {text}", LOG_ERR) from None
    return each(context, items, convert)


def unit_dependencies(context: ParseContext, key: str, text: str) -> tuple[str, ...]:
    """Unit names; a template is completed with this unit's instance, or its prefix."""

    def convert(word: str) -> str:
        name = expanded(context, word)
        if not names.valid_unit_name(name):
            raise Refused(f"Failed to add dependency on {name}, ignoring: Invalid argument")
        name = _completed(context, name)
        if not names.valid_unit_name(name):
            raise Refused(f"Failed to add dependency on {word}, ignoring: Invalid argument")
        return name

    # systemd does not unquote lists of unit names.
    try:
        items = quoting.split(text, unquote=False, retain_escape=True)
    except quoting.QuotingError:
        raise Refused(f"Invalid syntax, ignoring: {text}", LOG_ERR) from None
    return each(context, items, convert)


def service_unit(context: ParseContext, key: str, text: str) -> str:
    """The name of a service: Service= of sockets."""
    name = expanded(context, text, "{}")
    if not name.endswith(".service"):
        raise Refused(f"Unit must be of type service, ignoring: {name}")
    if names.is_template(name):
        raise Refused(f"Failed to load unit {name}, ignoring: Unit name {name} is missing the instance name.")
    if not names.valid_unit_name(name):
        raise Refused(f"Failed to load unit {name}, ignoring: Unit name {name} is not valid.")
    return name


def trigger_unit(context: ParseContext, key: str, text: str) -> str:
    """Unit= of timers and paths."""
    name = expanded(context, text, "{}")
    if not names.valid_unit_name(name):
        raise Refused(f"Unit type not valid, ignoring: {name}")
    if name == context.subject.unit:
        raise Refused(f"Units cannot trigger themselves, ignoring: {name}")
    return _completed(context, name)


def _completed(context: ParseContext, name: str) -> str:
    """A template with this unit's instance, or its prefix."""
    if not names.is_template(name):
        return name
    own = context.subject.unit
    return names.replace_instance(name, names.instance_of(own) or names.prefix_of(own))


def slice_unit(context: ParseContext, key: str, text: str) -> Any:
    """Slice=."""
    name = expanded(context, text, "{}")
    if not names.valid_unit_name(name):
        raise Refused(f"Failed to load slice unit {name}, ignoring: Unit name {name} is not valid.")
    if not name.endswith(".slice") or context.subject.unit.endswith(".slice"):
        raise Refused(f"Failed to assign slice {name} to unit {context.subject.unit}, ignoring: Invalid argument")
    return name


def label(context: ParseContext, key: str, text: str) -> Any:
    """A security label; failing specifiers make the unit unusable, unless it begins with a dash."""
    try:
        return context.expand(text) or UNSET
    except SpecifierError as error:
        if text.startswith("-"):
            raise Refused(f"Failed to resolve unit specifiers in '{text[1:]}', ignoring: {error}") from None
        raise Fatal(f"Failed to resolve unit specifiers in '{text}': {error}") from None


def opaque(context: ParseContext, key: str, text: str) -> Any:
    """Text that nothing here acts on, kept as it is written."""
    return text or UNSET


def opaque_list(context: ParseContext, key: str, text: str) -> tuple[str, ...]:
    """A list that nothing here acts on: its words as they are written."""
    return tuple(words(context, key, text))


def opaque_item(context: ParseContext, key: str, text: str) -> tuple[str, ...]:
    """One item of a list that nothing here acts on."""
    return (text,)
