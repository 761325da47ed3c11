"""The [Install] section: which links a unit gets when it is enabled.

Source: systemd.unit(5) "[INSTALL] SECTION OPTIONS".
"""

from __future__ import annotations

import errno
import os

from systemctl_replacement.enablement.changes import InstallError
from systemctl_replacement.log_levels import LOG_WARNING
from systemctl_replacement.records import dataclass
from systemctl_replacement.unitfile import specifiers
from systemctl_replacement.unitfile.names import is_template, replace_instance, unit_type, valid_unit_name
from systemctl_replacement.unitfile.quoting import QuotingError, first_word
from systemctl_replacement.unitfile.syntax import Assignment, Problem, parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

SECTIONS = (
    "Install", "-Unit", "-Automount", "-Device", "-Mount", "-Path", "-Scope", "-Service", "-Slice", "-Socket", "-Swap",
    "-Target", "-Timer",
)  # fmt: skip

DEPENDENCIES = {"WantedBy": ".wants", "RequiredBy": ".requires", "UpheldBy": ".upholds"}
"""The directives that pull the unit in, in the order their links are made, and the suffixes of their directories."""

ALIAS_TYPES = frozenset(("service", "socket", "target", "device", "timer", "path"))
TEMPLATE_TYPES = frozenset(("service", "socket", "target", "timer", "path"))
_LONGEST = 256  # bytes of a name with its specifiers expanded, before it is validated
_SPECIFIERS = frozenset("nNpijaAbBHlmMoqvwWgGuU")
_INSTANCE_LETTERS = frozenset("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz:-_.\\@")


@dataclass
class InstallSection:
    """The settings so far. The unit file and then each drop-in add to them.

    Also= is kept with its specifiers expanded, the others as written.
    """

    aliases: list[str]
    dependencies: dict[str, list[str]]
    """The words of each directive of `DEPENDENCIES`."""
    also: list[str]
    default_instance: str = ""

    @property
    def rules(self) -> int:
        """How many links the section asks for."""
        return len(self.aliases) + sum(map(len, self.dependencies.values()))

    def instantiated(self, name: str) -> str:
        """The name that %i, %n and %N are taken from. That of a template has DefaultInstance= filled in."""
        return replace_instance(name, self.default_instance) if self.default_instance and is_template(name) else name


def empty_section() -> InstallSection:
    """A section without settings."""
    return InstallSection([], {directive: [] for directive in DEPENDENCIES}, [])


def read_section(
    data: bytes,
    path: str,
    name: str,
    section: InstallSection,
    expander: Expander,
    problems: list[Problem],
    on_also: Callable[[str], None],
) -> None:
    """Add the [Install] section of a file's contents to `section`. `name` is the unit's; `path` is for messages.

    `problems` gets what systemd would warn about, `on_also` each unit of Also=, in the order of the file. Raises
    InstallError if the file is refused. What comes before the bad line has been added then.
    """
    parsed = parse(data, path, SECTIONS)
    found = list(parsed.problems)
    last = 0
    try:
        for assignment in parsed.assignments:
            if assignment.section != "Install":
                continue
            last = assignment.line
            message = _take(assignment, name, section, expander, on_also)
            if message:
                found.append(Problem(path, last, LOG_WARNING, message))
    except _Refused as refused:
        if str(refused):
            found.append(Problem(path, last, LOG_WARNING, str(refused)))
        found = [problem for problem in found if problem.line <= last]
        raise InstallError(refused.error) from None
    finally:
        problems += sorted(found, key=lambda problem: problem.line)
    if parsed.error:
        raise InstallError(parsed.error)


class _Refused(Exception):
    """A setting that makes the whole file unusable. The text is the warning, `error` the errno."""

    def __init__(self, error: int, message: str = "") -> None:
        super().__init__(message)
        self.error = error


def _take(
    assignment: Assignment, name: str, section: InstallSection, expander: Expander, on_also: Callable[[str], None]
) -> str:
    """Add one assignment in [Install]. Returns the warning, "" if there is none."""
    key, value = assignment.key, assignment.value
    if key == "Alias" and unit_type(name) not in ALIAS_TYPES:
        return f"Alias= is not allowed for {unit_type(name)} units, ignoring."
    lists = {"Alias": section.aliases, **section.dependencies}
    if key in lists:
        return _extend(lists[key], value)
    if key == "DefaultInstance":
        return _default_instance(section, value, name, expander)
    if key == "Also":
        _also(section, value, name, expander, on_also)
    elif not key.startswith("X-"):
        return f"Unknown key '{key}' in section [Install], ignoring."
    return ""


def _also(section: InstallSection, value: str, name: str, expander: Expander, on_also: Callable[[str], None]) -> None:
    position = 0
    while True:
        try:
            word, position = first_word(value, position, unquote=False, unescape=False)
        except QuotingError:
            raise _Refused(errno.EINVAL) from None
        if word is None:
            return
        try:
            unit = expander.expand(word, section.instantiated(name))
        except InstallError as problem:
            message = f'Failed to resolve unit name in Also="{word}": {problem}'
            raise _Refused(problem.error, message) from None
        try:
            on_also(unit)
        except InstallError as problem:
            raise _Refused(problem.error) from None
        section.also.append(unit)


def _extend(words: list[str], value: str) -> str:
    if not value:
        words.clear()
        return ""
    position = 0
    try:
        while True:
            word, position = first_word(value, position, retain_escape=True)
            if word is None:
                return ""
            words.append(word)
    except QuotingError:
        # Like systemd, keep the words before the one that has no end.
        return f"Invalid syntax, ignoring: {value}"


def _default_instance(section: InstallSection, value: str, name: str, expander: Expander) -> str:
    if valid_unit_name(name, plain=False, template=False):
        return ""  # an instance of the template: there is nothing to default
    if not valid_unit_name(name, plain=False, instance=False):
        return "DefaultInstance= only makes sense for template units, ignoring."
    try:
        instance = expander.expand(value, section.instantiated(name))
    except InstallError as problem:
        message = f'Failed to resolve instance name in DefaultInstance="{value}": {problem}'
        raise _Refused(problem.error, message) from None
    if instance and not _INSTANCE_LETTERS.issuperset(instance):
        raise _Refused(errno.EINVAL, f'Invalid DefaultInstance= value "{instance}".')
    section.default_instance = instance
    return ""


class Expander:
    """Expands the specifiers that [Install] has: names and the system, no paths (systemd.unit(5) "SPECIFIERS").

    What they say about the system is read below `root` once, and only if there is a specifier to expand.
    """

    def __init__(self, root: str) -> None:
        self._root = root
        self._host: specifiers.Host | None = None

    def expand(self, text: str, name: str) -> str:
        """`text` expanded for a unit.

        Raises InstallError: EBADSLT for an unknown specifier, EUNATCH for one without a value, ENAMETOOLONG.
        """
        found = self._expanded(text, name) if "%" in text else text
        if len(os.fsencode(found)) > _LONGEST:
            raise InstallError(errno.ENAMETOOLONG)
        return found

    def _expanded(self, text: str, name: str) -> str:
        if self._host is None:
            self._host = specifiers.Host.current(self._root)
        letters = [piece[:1] for piece in text.replace("%%", "").split("%")[1:]]
        if any(letter.isalnum() and letter not in _SPECIFIERS for letter in letters):
            raise InstallError(errno.EBADSLT)
        try:
            return specifiers.expand(text, specifiers.Subject(name, self._host))
        except specifiers.SpecifierError as problem:
            raise InstallError(errno.EUNATCH) from problem
