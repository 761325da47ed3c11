"""GNU getopt_long, driven by a table: it does to a command line exactly what the C library does.

Permutation, clusters, glued values, unambiguous abbreviations, `--`, POSIXLY_CORRECT and the error texts are glibc's,
because scripts and people rely on them. This is on the hot path and imports nothing. Source: getopt(3).
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

NO = 0
REQUIRED = 1
OPTIONAL = 2


class OptionError(Exception):
    """The options are wrong. The text is what getopt_long or systemctl prints; the exit status is 1."""


class CommandLine:
    """One pass over a command line.

    long: option names and their (argument, key), in the order in which glibc would list them. The argument is NO,
    REQUIRED or OPTIONAL. short: the same by letter. unabbreviated: names that must be written in full. permute: whether
    options may also stand behind operands.
    `operands` is complete when `options()` is exhausted.
    """

    def __init__(
        self,
        argv: Sequence[str],
        long: Mapping[str, tuple[int, str]],
        short: Mapping[str, tuple[int, str]],
        unabbreviated: Sequence[str] = (),
        *,
        permute: bool = True,
    ) -> None:
        self._program = argv[0]
        self._arguments = argv
        self._position = 1
        self._long = long
        self._short = short
        self._unabbreviated = unabbreviated
        self._permute = permute and "POSIXLY_CORRECT" not in os.environ
        self.operands: list[str] = []

    def options(self) -> Iterator[tuple[str, str | None]]:
        """(key, value) of each option in order. OptionError at the first wrong one."""
        while self._position < len(self._arguments):
            argument = self._arguments[self._position]
            self._position += 1
            if argument == "--":
                break
            if len(argument) < 2 or argument[0] != "-":
                self.operands.append(argument)
                if not self._permute:
                    break
            elif argument[1] == "-":
                yield self._long_option(argument[2:])
            else:
                yield from self._cluster(argument[1:])
        self.operands += self._arguments[self._position :]

    @property
    def next_word(self) -> str | None:
        """The word that is looked at next, None behind the last one: it may be an optional value."""
        return self._arguments[self._position] if self._position < len(self._arguments) else None

    def take_word(self) -> None:
        """Pass over the next word: it was the value of the option before it."""
        self._position += 1

    def _cluster(self, letters: str) -> Iterator[tuple[str, str | None]]:
        while letters:
            letter, letters = letters[0], letters[1:]
            if letter not in self._short:
                raise OptionError(f"{self._program}: invalid option -- '{letter}'")
            takes, key = self._short[letter]
            if takes == NO:
                yield key, None
                continue
            value: str | None = letters
            if not letters and takes == REQUIRED:
                value = self._next()
                if value is None:
                    raise OptionError(f"{self._program}: option requires an argument -- '{letter}'")
            yield key, value or (None if takes == OPTIONAL else value)
            return

    def _long_option(self, text: str) -> tuple[str, str | None]:
        given, equals, glued = text.partition("=")
        name = given if given in self._long else self._abbreviated(given, text)
        takes, key = self._long[name]
        if equals:
            if takes == NO:
                raise OptionError(f"{self._program}: option '--{name}' doesn't allow an argument")
            return key, glued
        if takes != REQUIRED:
            return key, None
        value = self._next()
        if value is None:
            raise OptionError(f"{self._program}: option '--{name}' requires an argument")
        return key, value

    def _abbreviated(self, given: str, text: str) -> str:
        candidates = [name for name in self._long if name.startswith(given) and name not in self._unabbreviated]
        if not candidates:
            raise OptionError(f"{self._program}: unrecognized option '--{text}'")
        # Several names of the same option are not ambiguous.
        different = [name for name in candidates if self._long[name] != self._long[candidates[0]]]
        if different:
            names = " ".join(f"'--{name}'" for name in [candidates[0], *different])
            raise OptionError(f"{self._program}: option '--{text}' is ambiguous; possibilities: {names}")
        return candidates[0]

    def _next(self) -> str | None:
        if self._position == len(self._arguments):
            return None
        self._position += 1
        return self._arguments[self._position - 1]
