"""Which units a boot in a container skips. This is data, shipped in units/skip-in-container.conf and extended in /etc.

The file describes its own format. The last line that matches a unit decides.
"""

from __future__ import annotations

import os

from systemctl_replacement import syscalls
from systemctl_replacement.records import dataclass
from systemctl_replacement.unitfile.files import read_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Callable

    from systemctl_replacement.unitfile.load import Unit

FILE_NAME = "skip-in-container.conf"
LOCAL_FILES = (f"/etc/systemctl-replacement/{FILE_NAME}", f"/run/systemctl-replacement/{FILE_NAME}")

# Circumstances. Lines that name some only count in these.
NOT_PID_1, NOT_ROOT, CANNOT_MOUNT = "not-pid-1", "not-root", "cannot-mount"
_CIRCUMSTANCES = (NOT_PID_1, NOT_ROOT, CANNOT_MOUNT)
# Instead of circumstances: who asks for the unit by name does not get it either.
_ALWAYS = "always"


@dataclass(frozen=True)
class Skips:
    """Rules, numbered in order, with reasons. An empty reason removes units from the list again.

    Most rules are plain names. Only the others need to be matched with each unit.
    """

    names: Mapping[str, tuple[int, str]]
    globs: tuple[tuple[int, str, str], ...]
    lasting: frozenset[int]  # the rules that hold for units that are asked for by name, too

    def reason(self, names: Sequence[str]) -> str:
        """Why what has these names is skipped, "" if it is not."""
        return self._rule(names)[1] or ""

    def lasts(self, unit: Unit) -> bool:
        """Whether a unit that is skipped is not started by name either."""
        return self._rule((unit.id, *unit.names))[0] in self.lasting

    def reason_of(self, unit: Unit) -> str:
        """Why a unit is skipped, "" if it is not. A socket, timer or path without a rule of its own is skipped with
        what it starts (Triggers=)."""
        own = self._rule((unit.id, *unit.names))[1]
        if own is not None:
            return own
        others = [self.reason((name,)) for name in unit.dependencies.get("Triggers", ())]
        return others[0] if others and all(others) else ""

    def _rule(self, names: Sequence[str]) -> tuple[int, str | None]:
        """The number of the last rule for one of the names, and what it says; -1 and None if there is none."""
        last, found = max((self.names[name] for name in names if name in self.names), default=(-1, None))
        for number, pattern, reason in reversed(self.globs):
            if number < last:
                break
            if any(syscalls.matches(name, pattern) for name in names):
                return number, reason
        return last, found


def summary(left_out: int, unmet: int) -> str:
    """The boot's summary of the units that it has skipped, `unmet` of them because of their own condition."""
    units = "1 unit was" if left_out == 1 else f"{left_out} units were"
    why = f" ({unmet} because of unmet conditions)" if unmet else ""
    return f"{units} skipped in a container{why}: systemctl status UNIT says why, init --show-status=full names all."


def skips(rules: Sequence[tuple[str, str]]) -> Skips:
    """The rules, (pattern, reason) in order, prepared for look-ups. A word behind a pattern: the rule lasts."""
    names: dict[str, tuple[int, str]] = {}
    globs, lasting = [], set()
    for number, (pattern, reason) in enumerate(rules):
        pattern, _, word = pattern.partition(" ")
        if word:
            lasting.add(number)
        if any(character in pattern for character in "*?[\\"):
            globs.append((number, pattern, reason))
        else:
            names[pattern] = (number, reason)
    return Skips(names, tuple(globs), frozenset(lasting))


def circumstances(*, is_pid1: bool, is_root: bool, can_mount: bool) -> frozenset[str]:
    """The circumstances that a line may name and that hold here."""
    holds = {NOT_PID_1: not is_pid1, NOT_ROOT: not is_root, CANNOT_MOUNT: not can_mount}
    return frozenset(word for word, is_so in holds.items() if is_so)


def parse(text: str, path: str, problem: Callable[[str], None], holding: frozenset[str]) -> list[tuple[str, str]]:
    """The rules of one file that count in these circumstances. A wrong line is reported to `problem` as
    `path:line: message` and left out."""
    rules = []
    for number, line in enumerate(text.splitlines(), 1):
        pattern, _, reason = line.partition("#")
        pattern, reason = pattern.strip(), reason.strip()
        if not pattern:
            continue
        pattern, *when = pattern.split()
        if len(when) > 1 or (when and when[0] not in (*_CIRCUMSTANCES, _ALWAYS)):
            problem(f"{path}:{number}: More than one pattern in a line, ignoring: {' '.join((pattern, *when))}")
        elif pattern.startswith("!"):
            rules.append((pattern[1:], ""))
        elif not when or when[0] in holding or when[0] == _ALWAYS:
            rules.append((f"{pattern} {_ALWAYS}" if _ALWAYS in when else pattern, reason or "of no use in a container"))
    return rules


def read(
    shipped: str,
    root: str,
    problem: Callable[[str], None],
    holding: frozenset[str],
    found: Sequence[tuple[str, str]] = (),
) -> Skips:
    """The rules of the shipped file (in the directory `shipped`) and of the local ones below `root` that count in
    these circumstances. found: rules that no file has; local ones can overrule them."""
    rules: list[tuple[str, str]] = []
    for path in (os.path.join(shipped, FILE_NAME), "", *(root + name for name in LOCAL_FILES)):
        if not path:
            rules += found
            continue
        try:
            text = read_text(path)
        except FileNotFoundError:
            continue
        except OSError as error:
            problem(f"Cannot read {path}: {error.strerror}")
            continue
        rules += parse(text, path, problem, holding)
    return skips(rules)
