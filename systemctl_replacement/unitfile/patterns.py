"""Shell patterns of names, as in preset files and on the command line (glob(7); a backslash stands for itself).

Common patterns are matched here: the module for the others would be most of what a short command imports.
"""

from __future__ import annotations

_SPECIAL = frozenset("*?[")


def matches(name: str, pattern: str) -> bool:
    """Whether a name matches a pattern as a whole."""
    if pattern in (name, "*"):
        return True
    if _SPECIAL.isdisjoint(pattern):
        return False
    if pattern[-1] == "*" and _SPECIAL.isdisjoint(pattern[:-1]):
        return name.startswith(pattern[:-1])
    from fnmatch import fnmatchcase

    return fnmatchcase(name, pattern)
