"""Loading a unit: from its name, through fragment and drop-ins, to typed settings, dependencies and a load state.

Source: systemd.unit(5); load states, errors and messages as systemd 252 has them.
"""

from __future__ import annotations

import os

from systemctl_replacement.log_levels import LOG_ERR, LOG_NOTICE, LOG_WARNING
from systemctl_replacement.records import dataclass
from systemctl_replacement.unitfile import dependencies, implied, names, perpetual, verify
from systemctl_replacement.unitfile.directives import table as directives
from systemctl_replacement.unitfile.directives.directive import (
    ADD,
    DIRECTORIES,
    FIRST,
    MERGE,
    REPLACE,
    UNION,
    Directive,
)
from systemctl_replacement.unitfile.files import mode_warnings, read_file
from systemctl_replacement.unitfile.loadpath import DEPENDENCY_SUFFIXES, Index, is_mask
from systemctl_replacement.unitfile.parsers.parse_context import UNSET, Fatal, Invalid, ParseContext, Refused
from systemctl_replacement.unitfile.specifiers import Host, Subject
from systemctl_replacement.unitfile.syntax import Assignment, Parsed, Problem, parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

LOADED, NOT_FOUND, BAD_SETTING, FAILED, MASKED = "loaded", "not-found", "bad-setting", "error", "masked"

_NO_FRAGMENT_NEEDED = frozenset(("slice", "device"))
# The directive that has the path of a unit named after a path.
_PATH_DIRECTIVES = {"mount": "Where", "automount": "Where", "swap": "What"}

# D-Bus names of errnos (sd-bus); any other is System.Error.NAME.
_DBUS_ERRNO = {
    1: "AccessDenied", 2: "FileNotFound", 5: "IOError", 12: "NoMemory", 13: "AccessDenied", 17: "FileExists",
    22: "InvalidArgs", 74: "InconsistentMessage", 95: "NotSupported", 105: "LimitsExceeded", 110: "Timeout",
}  # fmt: skip


@dataclass(frozen=True)
class Unit:
    """A unit as its files describe it.

    `load_error` is (D-Bus error name, systemd's message) unless loaded. `settings` hold only what was assigned, under
    (section, directive); `get` adds the defaults. `derived`: implied settings and dependencies were added, as for units
    that are loaded, and for those that only fail the checks as a whole. `stamps` are (path, mtime in nanoseconds) of
    every file read, `mode_warnings` what is wrong with their permissions.
    """

    id: str
    names: tuple[str, ...]
    type: str
    load_state: str
    load_error: tuple[str, str] | None
    derived: bool
    fragment_path: str
    source_path: str
    dropin_paths: tuple[str, ...]
    settings: Mapping[tuple[str, str], Any]
    dependencies: Mapping[str, tuple[str, ...]]
    problems: tuple[Problem, ...]
    stamps: tuple[tuple[str, int], ...]
    mode_warnings: tuple[str, ...] = ()

    def get(self, section: str, directive: str) -> Any:
        """The value of a directive, or the table's default (None where the manager's configuration decides)."""
        return get(self.settings, section, directive)


def get(settings: Mapping[tuple[str, str], Any], section: str, directive: str) -> Any:
    """The assigned value, or the default. KeyError for an unknown directive."""
    key = (section, directive)
    if key in settings:
        return settings[key]
    if key not in _defaults:
        _defaults[key] = directives.default(section, directive)
    return _defaults[key]


_defaults: dict[tuple[str, str], Any] = {}  # of the directives asked for so far


def load(name: str, index: Index, host: Host) -> Unit:
    """Load a valid unit name that is no template. Never raises for what is in files: the load state tells."""
    return _Loader(name, index, host).load()


class _Loader:
    def __init__(self, name: str, index: Index, host: Host) -> None:
        self.index = index
        self.fragment = index.fragment(name)
        self.id = self.fragment.id
        self.type = names.unit_type(self.id)
        self.sections = directives.sections_of(self.type)
        self.problems: list[Problem] = []
        self.settings: dict[tuple[str, str], Any] = {}
        self.stamps: list[tuple[str, int]] = []
        self.mode_warnings: list[str] = []
        self.dropins: list[str] = []
        self.where = ("", 0)
        self.context = ParseContext(Subject(self.id, host, self.fragment.path), self.report)

    def report(self, level: int, message: str) -> None:
        if not message.isascii():
            message = "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in message)
        self.problems.append(Problem(self.where[0], self.where[1], level, message))

    def complain(self, level: int, message: str) -> None:
        """A problem of the unit as a whole."""
        self.problems.append(Problem("", 0, level, f"{self.id}: {message}"))

    def load(self) -> Unit:
        state, errno = self.read_fragment()
        links: dict[str, tuple[str, ...]] = {}
        if state in (LOADED, MASKED):
            # systemd's own order: a masked unit's drop-ins are read too, they show in `systemctl status`.
            self.read_dropins()
            links = self.dependency_links()
        found: dict[str, tuple[str, ...]] = {}
        if state == LOADED and self.type == "slice" and not names.valid_slice_name(self.id):
            state, errno = FAILED, 22
        source = self.get("Unit", "SourcePath")
        if source:
            self.stamps.append((source, _modified(source)))
        derived = state == LOADED
        if derived:
            self.derive()
            # Perpetual units without a file (-.mount) have no settings to check.
            reason = verify.verify(self.type, self.id, self.get) if self.fragment.path else ""
            for warning in verify.warnings(self.type, self.get):
                self.complain(LOG_WARNING, warning)
            if reason:
                self.complain(LOG_ERR, reason)
                state = BAD_SETTING
        if state in (LOADED, BAD_SETTING):
            explicit = self.explicit(links)
            found = (
                dependencies.complete(
                    self.id, self.type, self.get, explicit, loaded=state == LOADED, exists=self.index.has
                )
                if derived
                else {kind: tuple(others) for kind, others in explicit.items()}
            )
        return Unit(
            id=self.id,
            names=self.fragment.names,
            type=self.type,
            load_state=state,
            load_error=load_error(self.id, state, errno),
            derived=derived,
            fragment_path=self.fragment.path if state != NOT_FOUND else "",
            source_path=source,
            dropin_paths=tuple(self.dropins),
            settings=self.settings,
            dependencies=found,
            problems=tuple(self.problems),
            stamps=tuple(self.stamps),
            mode_warnings=tuple(self.mode_warnings),
        )

    def get(self, section: str, directive: str) -> Any:
        return get(self.settings, section, directive)

    def read_fragment(self) -> tuple[str, int]:
        path = self.fragment.path
        if self.type == "scope" and self.id not in perpetual.UNITS:
            return NOT_FOUND, 2
        if not path:
            return (LOADED, 0) if self.type in _NO_FRAGMENT_NEEDED or self.id in perpetual.UNITS else (NOT_FOUND, 2)
        try:
            data, status = read_file(path)
        except OSError as error:
            self.complain(LOG_NOTICE, f"Failed to open {path}: {os.strerror(error.errno or 5)}")
            return NOT_FOUND, error.errno or 5
        self.stamps.append((path, status.st_mtime_ns))
        if is_mask(status):
            return (LOADED if self.id in perpetual.UNITS else MASKED), 0
        self.mode_warnings += mode_warnings(path, status)
        parsed = parse(data, path, self.sections)
        try:
            self.take_all(parsed, path)
        except Fatal:
            self.complain(LOG_NOTICE, "Unit configuration has fatal error, unit will not be started.")
            return BAD_SETTING, 8
        except Invalid as problem:
            return FAILED, problem.errno
        return (FAILED, parsed.error) if parsed.error else (LOADED, 0)

    def read_dropins(self) -> None:
        for path in self.index.dropins(self.fragment.names):
            try:
                data, status = read_file(path)
            except OSError as error:
                if error.errno != 2:
                    self.complain(LOG_WARNING, f"Failed to open {path}: {os.strerror(error.errno or 5)}")
                continue
            self.stamps.append((path, status.st_mtime_ns))
            self.mode_warnings += mode_warnings(path, status)
            self.dropins.append(path)
            try:
                self.take_all(parse(data, path, self.sections), path)
            except (Fatal, Invalid):
                # systemd skips the rest of such a drop-in; the message has been recorded.
                continue

    def take_all(self, parsed: Parsed, path: str) -> None:
        """Apply the assignments of one file in order. Fatal and Invalid end it, their message is recorded."""
        before = len(self.problems)
        last = None
        try:
            for assignment in parsed.assignments:
                self.where = (path, assignment.line)
                self.take_one(assignment)
        except (Fatal, Invalid):
            last = self.where[1]
            raise
        finally:
            # Problems of syntax and of values in the order of the file, none beyond the line that ended it.
            syntax = [problem for problem in parsed.problems if last is None or problem.line <= last]
            if syntax:
                self.problems[before:] = sorted(syntax + self.problems[before:], key=lambda problem: problem.line)

    def take_one(self, assignment: Assignment) -> None:
        directive = directives.lookup(assignment.section, assignment.key)
        if directive is None:
            if not assignment.key.startswith("X-"):
                self.report(LOG_WARNING, f"Unknown key '{assignment.key}' in section [{assignment.section}], ignoring.")
            return
        try:
            self.take(directive, assignment)
        except Refused as problem:
            self.report(problem.level, str(problem))
        except (Fatal, Invalid) as problem:
            self.report(LOG_ERR, str(problem))
            raise
        except Exception as problem:  # a bug of ours fails this unit, not those loaded with it
            message = f"Failed to parse {assignment.key}= ({type(problem).__name__}: {problem}): {assignment.value}"
            self.report(LOG_ERR, message)
            raise Fatal(message) from problem

    def take(self, directive: Directive, assignment: Assignment) -> None:
        section, text = assignment.section, assignment.value
        targets = [(own or section, name) for own, name in directive.sets] or [(section, directive.name)]
        if not text and directive.combine not in (REPLACE, FIRST, ADD):
            for target in targets:
                self.settings.pop(target, None)
            return
        value = directive.parse(self.context, assignment.key, text)
        for target in targets:
            self.store(directive.combine, target, value)

    def store(self, combine: str, target: tuple[str, str], value: Any) -> None:
        if value is UNSET:
            self.settings.pop(target, None)
        elif combine == FIRST and target in self.settings:
            raise Refused(f"Multiple units to trigger specified, ignoring: {value}")
        elif combine == REPLACE or target not in self.settings:
            self.settings[target] = _tidied(combine, value)
        elif combine == UNION:
            self.settings[target] = self.settings[target] | value
        else:
            self.settings[target] = _tidied(combine, self.settings[target] + value)

    def dependency_links(self) -> dict[str, tuple[str, ...]]:
        found = {}
        for suffix, kind in DEPENDENCY_SUFFIXES:
            others = []
            for entry in self.index.dependency_links(self.fragment.names, suffix):
                if not names.valid_unit_name(entry):
                    self.complain(LOG_WARNING, f"{kind} dependency dropin {entry} is not a valid unit name, ignoring.")
                    continue
                if names.is_template(entry):
                    entry = names.replace_instance(entry, names.instance_of(self.id) or names.prefix_of(self.id))
                others.append(entry)
            if others:
                found[kind] = tuple(others)
        return found

    def explicit(self, links: Mapping[str, tuple[str, ...]]) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        own = set(self.fragment.names)
        for kind in dependencies.KINDS:
            others = [*self.settings.get(("Unit", kind), ()), *links.get(kind, ())]
            if kind != "RequiresMountsFor":
                others = [other for other in dict.fromkeys(others) if other not in own]
            if others:
                found[kind] = others
        return found

    def derive(self) -> None:
        """Settings that follow from others when they are not assigned."""
        perpetual.complete(self.id, self.settings)
        self.derive_path()
        implied.complete(self.id, directives.TYPE_SECTIONS.get(self.type, ""), self.settings, self.get)

    def derive_path(self) -> None:
        """Set the path that a unit is named after, and the description made of it."""
        path = ""
        if self.type in _PATH_DIRECTIVES:
            key = (directives.TYPE_SECTIONS[self.type], _PATH_DIRECTIVES[self.type])
            path = self.settings.setdefault(key, names.path_of(self.id))
        elif self.type in ("device", "slice"):
            path = names.path_of(self.id)
        if path and self.type != "automount" and not self.get("Unit", "Description"):
            self.settings[("Unit", "Description")] = f"Slice {path}" if self.type == "slice" else path


def _modified(path: str) -> int:
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return 0


def _tidied(combine: str, values: Any) -> Any:
    """The joined values of all assignments, as they are kept."""
    if combine == MERGE:
        return _last_of_each(values)
    return _by_path(values) if combine == DIRECTORIES else values


def _by_path(directories: tuple[tuple[str, ...], ...]) -> tuple[tuple[str, ...], ...]:
    """(path, symlink …), each path once, sorted so that what is below a directory comes right after it."""
    links: dict[str, list[str]] = {}
    for path, *more in directories:
        links.setdefault(path, []).extend(more)
    return tuple((path, *links[path]) for path in sorted(links, key=lambda path: path.split("/")))


def _last_of_each(assignments: tuple[str, ...]) -> tuple[str, ...]:
    """NAME=VALUE words, of each name the last one."""
    found: dict[str, str] = {}
    for assignment in assignments:
        found[assignment.partition("=")[0]] = assignment
    return tuple(found.values())


def load_error(unit: str, state: str, errno: int) -> tuple[str, str] | None:
    """The D-Bus error name and message with which systemd refuses a unit in this load state; None if it is loaded."""
    if state == LOADED:
        return None
    if state == NOT_FOUND:
        return "org.freedesktop.systemd1.NoSuchUnit", f"Unit {unit} not found."
    if state == BAD_SETTING:
        return "org.freedesktop.systemd1.BadUnitSetting", f"Unit {unit} has a bad unit file setting."
    if state == MASKED:
        return "org.freedesktop.systemd1.UnitMasked", f"Unit {unit} is masked."
    message = f"Unit {unit} failed to load properly, please adjust/correct and reload service manager: "
    return errno_name(errno), message + os.strerror(errno)


def errno_name(errno: int) -> str:
    """The D-Bus error name that stands for an errno."""
    if errno in _DBUS_ERRNO:
        return "org.freedesktop.DBus.Error." + _DBUS_ERRNO[errno]
    from errno import errorcode

    return "System.Error." + errorcode.get(errno, str(errno))
