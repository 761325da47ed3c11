"""The size limits of journals in journald.conf(5): SystemMaxUse=, RuntimeMaxUse=.

Its other settings have no meaning for our journals.
"""

from __future__ import annotations

from systemctl_replacement.log_levels import LOG_WARNING
from systemctl_replacement.unitfile.files import read_file
from systemctl_replacement.unitfile.manager_config import configuration_files
from systemctl_replacement.unitfile.syntax import Problem, parse
from systemctl_replacement.unitfile.values import parse_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

KEPT, VOLATILE = "SystemMaxUse", "RuntimeMaxUse"


def journal_limit(root: str, key: str, report: Callable[[Problem], object]) -> int:
    """The limit in bytes of all journals below /var/log (KEPT) or in the runtime directory (VOLATILE), 0 if none.

    Problems in the files are reported.
    """
    limit = 0
    for path in configuration_files(root, "journald.conf"):
        try:
            data, _ = read_file(path)
        except FileNotFoundError:
            continue
        except OSError as error:
            report(Problem("", 0, LOG_WARNING, f"Failed to open configuration file '{path}': {error.strerror}"))
            continue
        for assignment in parse(data, path, ("Journal",)).assignments:
            if assignment.key == key:
                try:
                    limit = parse_size(assignment.value) if assignment.value else 0
                except ValueError:
                    text = f"Failed to parse size value, ignoring: {assignment.value}"
                    report(Problem(path, assignment.line, LOG_WARNING, text))
    return limit
