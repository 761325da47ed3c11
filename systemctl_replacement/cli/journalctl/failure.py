"""How a command of journalctl ends early."""

from __future__ import annotations


class Failure(Exception):
    """An expected failure. The text goes to stderr ("": nothing is said), and `status` is the exit status."""

    def __init__(self, text: str = "", status: int = 1) -> None:
        super().__init__(text)
        self.text = text
        self.status = status


class TextShown(Exception):
    """An option asked for a text. It is printed on stdout, and the exit status is 0."""
