"""The configuration files of systemd's own programs: where they are, and reading one section of them.

Source: systemd-system.conf(5), "CONFIGURATION DIRECTORIES AND PRECEDENCE".
"""

from __future__ import annotations

import os

from systemctl_replacement.log_levels import LOG_WARNING
from systemctl_replacement.unitfile.files import mode_warnings, read_file
from systemctl_replacement.unitfile.parsers.parse_context import UNSET, Fatal, ParseContext, Parser, Refused
from systemctl_replacement.unitfile.specifiers import Host, Subject
from systemctl_replacement.unitfile.syntax import Problem, parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from typing import Any

_DROPIN_ROOTS = ("/etc", "/run", "/usr/local/lib", "/usr/lib")


def configuration_files(root: str, name: str) -> list[str]:
    """A file of /etc/systemd and its drop-ins, in the order in which they are read; not all need be there."""
    by_name: dict[str, str] = {}
    for base in _DROPIN_ROOTS:
        directory = f"{root}{base}/systemd/{name}.d"
        try:
            entries = os.listdir(directory)
        except OSError:
            continue
        for entry in entries:
            if entry.endswith(".conf") and not entry.startswith("."):
                by_name.setdefault(entry, f"{directory}/{entry}")
    return [f"{root}/etc/systemd/{name}", *(by_name[entry] for entry in sorted(by_name))]


class ConfigReader:
    """Reads the assignments of one section into `values`, by attribute. What is wrong is in `problems`, in systemd's
    words; `stamps` are the files that were read, with their times of modification."""

    def __init__(
        self, section: str, keys: Mapping[str, tuple[str, Parser]], accepted: Collection[str], host: Host
    ) -> None:
        """keys: the attribute and the parser of a key; accepted: known keys that have no meaning here."""
        self.values: dict[str, Any] = {}
        self.problems: list[Problem] = []
        self.stamps: list[tuple[str, int]] = []
        self.context = ParseContext(Subject("", host), self.report)
        self._section = section
        self._keys = keys
        self._accepted = accepted
        self._where = ("", 0)

    def report(self, level: int, message: str) -> None:
        self.problems.append(Problem(self._where[0], self._where[1], level, message))

    def read(self, path: str) -> None:
        """Read a file, if it is there."""
        try:
            data, status = read_file(path)
            self.stamps.append((path, status.st_mtime_ns))
        except FileNotFoundError:
            return
        except OSError as error:
            text = f"Failed to open configuration file '{path}': {os.strerror(error.errno or 5)}"
            self.problems.append(Problem("", 0, LOG_WARNING, text))
            return
        self.problems += [Problem("", 0, LOG_WARNING, text) for text in mode_warnings(path, status)]
        parsed = parse(data, path, (self._section,))
        self.problems.extend(parsed.problems)
        for assignment in parsed.assignments:
            self._where = (path, assignment.line)
            try:
                self.take(assignment.key, assignment.value)
            except (Refused, Fatal) as problem:
                self.report(problem.level, str(problem))

    def take(self, key: str, text: str) -> None:
        """Take one assignment. Refused or Fatal if its value is wrong."""
        if key in self._keys:
            attribute, parser = self._keys[key]
            value = parser(self.context, key, text)
            if value is UNSET:
                self.values.pop(attribute, None)
            else:
                self.values[attribute] = value
        elif key not in self._accepted and not key.startswith("X-"):
            self.report(LOG_WARNING, f"Unknown key '{key}' in section [{self._section}], ignoring.")
