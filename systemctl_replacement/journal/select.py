"""What an expression and a pattern leave of lines, with what bytes tell about many lines at once."""

from __future__ import annotations

from systemctl_replacement.journal.search import all_lines

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from re import Pattern

    from systemctl_replacement.journal.expression import Expression, Find


class Selection:
    """Lines that match an expression, and whose message has a pattern in it; None: any."""

    def __init__(self, expression: Expression | None, pattern: Pattern[str] | None) -> None:
        self._expression = expression
        self._selects: list[Callable[[list[bytes]], list[bytes]]] = []
        self._find: Find = all_lines
        if expression is not None:
            self._selects.append(expression.select)
            self._find = expression.find
        if pattern is not None:
            from systemctl_replacement.journal.grep import Grep  # which imports re

            grep = Grep(pattern)
            self._selects.append(grep.select)
            if grep.is_quick or expression is None:
                self._find = grep.find
                self._selects.reverse()

    def could_match(self, name: str, received: bool) -> bool:
        """Whether the live file of this name, or an archive of it, can have such lines. received: it is the
        collector's."""
        return self._expression is None or self._expression.could_match(name, received)

    def find(self, data: bytes, start: int, end: int) -> list[bytes]:
        """The lines of a text (see `search`) that are wanted. None is a record if there is no object in it."""
        if data.find(b"{", start, end) < 0:
            return []
        lines = self._find(data, start, end)
        for select in self._selects[1:]:
            lines = select(lines)
        return lines

    def select(self, lines: list[bytes]) -> list[bytes]:
        """Those that are wanted."""
        for select in self._selects:
            lines = select(lines)
        return lines
