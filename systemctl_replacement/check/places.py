"""Where a setting of a unit was made: file and line, for a person to go to.

A loaded unit does not keep the lines of what is right, so the files are read once more. That is only done for findings.
"""

from __future__ import annotations

from systemctl_replacement.unitfile.files import read_file
from systemctl_replacement.unitfile.load import Unit
from systemctl_replacement.unitfile.syntax import parse


def place(unit: Unit, section: str, directives: tuple[str, ...], word: str = "") -> tuple[str, int]:
    """The last assignment of one of these directives, if possible one whose value has `word` in it.

    The unit's own file and line 0 if nothing in its files assigns them: the setting follows from others.
    """
    found = unit.fragment_path, 0
    for path in reversed((unit.fragment_path, *unit.dropin_paths)):
        try:
            data, _ = read_file(path)
        except OSError:
            continue  # it has gone since the unit was loaded
        for assignment in reversed(parse(data, path, None).assignments):
            if assignment.section == section and assignment.key in directives:
                if word in assignment.value:
                    return path, assignment.line
                found = found if found[1] else (path, assignment.line)
    return found
