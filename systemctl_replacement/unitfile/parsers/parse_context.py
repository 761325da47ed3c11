"""What a directive's parser is given, and how it refuses a value.

A parser is `parse(context, key, text) -> value`. It returns UNSET to go back to the default, raises Refused to skip
the assignment, raises Fatal to refuse the unit (load state bad-setting), and calls `context.warn` about parts that it
skips of a value that it accepts.
"""

from __future__ import annotations

from systemctl_replacement.log_levels import LOG_ERR, LOG_WARNING
from systemctl_replacement.unitfile import specifiers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class Refused(Exception):
    """This assignment is skipped; the text is systemd's message."""

    def __init__(self, message: str, level: int = LOG_WARNING) -> None:
        super().__init__(message)
        self.level = level


class Fatal(Exception):
    """This assignment makes the unit unusable; the text is systemd's message."""

    level = LOG_ERR


class Invalid(Exception):
    """The unit fails to load (load state error) with this errno, as systemd does for a few settings."""

    def __init__(self, message: str, errno: int) -> None:
        super().__init__(message)
        self.errno = errno


class _Unset:
    """The type of UNSET, which is only compared by identity."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "UNSET"


UNSET: Any = _Unset()
"""A parser's answer "as if never assigned"."""


class ParseContext:
    """What a value is parsed for: whose specifiers it has, and where its problems are reported."""

    __slots__ = ("_report", "subject")

    def __init__(self, subject: specifiers.Subject, report: Callable[[int, str], None]) -> None:
        self.subject = subject
        self._report = report

    def expand(self, text: str) -> str:
        """`text` with specifiers replaced. Raises specifiers.SpecifierError."""
        return specifiers.expand(text, self.subject) if "%" in text else text

    def warn(self, message: str, level: int = LOG_WARNING) -> None:
        """Report a problem at the current line and go on."""
        self._report(level, message)


if TYPE_CHECKING:
    Parser = Callable[[ParseContext, str, str], Any]
else:
    Parser = object
