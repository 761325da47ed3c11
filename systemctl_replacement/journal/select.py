"""What an expression and a pattern leave of lines, with what bytes tell about many lines at once."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from re import Pattern

    from systemctl_replacement.journal.expression import Expression


class Selection:
    """Lines that match an expression, and whose message has a pattern in it; None: any."""

    def __init__(self, expression: Expression | None, pattern: Pattern[str] | None) -> None:
        self._expression = expression
        self._selects: list[Callable[[list[bytes]], list[bytes]]] = []
        self._lacks: list[Callable[[bytes], bool]] = []
        if expression is not None:
            self._selects.append(expression.select)
            self._lacks.append(expression.lacks)
        if pattern is not None:
            from systemctl_replacement.journal.grep import Grep  # which imports re

            grep = Grep(pattern)
            self._selects.append(grep.select)
            self._lacks.append(grep.lacks)

    def could_match(self, name: str, received: bool) -> bool:
        """Whether the live file of this name, or an archive of it, can have such lines. received: it is the
        collector's."""
        return self._expression is None or self._expression.could_match(name, received)

    def lacks(self, text: bytes) -> bool:
        """Whether the text of many lines shows that none of them is wanted, or none is a record."""
        return b"{" not in text or any(lacks(text) for lacks in self._lacks)

    def select(self, lines: list[bytes]) -> list[bytes]:
        """Those that are wanted."""
        for select in self._selects:
            lines = select(lines)
        return lines
