"""EnvironmentFile=, and variables in command lines, read as systemd 252 reads them.

Pure apart from reading the files, and cheap to import. systemd.exec(5) "Environment", systemd.service(5) "Command
lines".
"""

from __future__ import annotations

import errno
import os
import stat

from systemctl_replacement import syscalls

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# Bytes of a file; systemd refuses files larger than this.
_MAXIMUM_SIZE = 64 << 20
_WHITESPACE = " \t\n\r"
_NEWLINES = "\n\r"
_COMMENTS = "#;"
_ESCAPED_IN_DOUBLE_QUOTES = '"\\`$'
_NAME_CHARACTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_")


def is_name(text: str) -> bool:
    """Whether this is a valid name of a variable."""
    return bool(text) and not text[0].isdigit() and _NAME_CHARACTERS.issuperset(text)


class _WouldWait(Exception):
    """There is nothing to read yet from a FIFO or a terminal."""


def load_files(files: Iterable[tuple[str, bool]], wait: bool) -> tuple[dict[str, str] | None, list[str]]:
    """The variables in the given files, of which later ones win, and the warnings about ignored lines.

    files: a path or pattern, and whether the file may be missing. The variables are None if a file is a FIFO, for
    whose writer systemd would wait, and `wait` is false. OSError if a required file is missing or cannot be read.
    """
    variables: dict[str, str] = {}
    problems: list[str] = []
    for pattern, missing_ok in files:
        paths = syscalls.glob(pattern)
        if not paths and not missing_ok:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), pattern)
        for path in paths:
            try:
                data = _read(path, wait)
            except _WouldWait:
                return None, []
            except OSError:
                if missing_ok:
                    continue
                raise
            for name, value in parse_file(data):
                if is_name(name):
                    variables[name] = value
                else:
                    problems.append(f"Ignoring invalid environment assignment '{name}={value}': {path}")
    return variables, problems


def _read(path: str, wait: bool) -> str:
    # A FIFO is opened only by a process that waits: a writer would find a reader that is gone again.
    if not wait and stat.S_ISFIFO(os.stat(path).st_mode):
        raise _WouldWait
    chunks: list[bytes] = []
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOCTTY | (0 if wait else os.O_NONBLOCK))
    try:
        size = os.fstat(fd).st_size
        while True:
            if size > _MAXIMUM_SIZE:
                raise OSError(errno.E2BIG, os.strerror(errno.E2BIG), path)
            chunk = os.read(fd, 65536)
            if not chunk:
                break
            chunks.append(chunk)
            size = max(size, len(chunks) * 65536)
    except BlockingIOError:
        raise _WouldWait from None
    finally:
        os.close(fd)
    try:
        return b"".join(chunks).decode("utf-8")
    except UnicodeDecodeError:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), path) from None


def parse_file(text: str) -> list[tuple[str, str]]:
    """The assignments in an environment file, in order. Names are not checked.

    The syntax is like a shell's: quoted parts may follow each other and span lines, but nothing is expanded.
    """
    found: list[tuple[str, str]] = []
    position, end = 0, len(text)
    while position < end:
        character = text[position]
        if character in _WHITESPACE:
            position += 1
        elif character in _COMMENTS:
            position = _skip_comment(text, position)
        else:
            start = position
            while position < end and text[position] != "=" and text[position] not in _NEWLINES:
                position += 1
            if position < end and text[position] == "=":
                value, position = _read_value(text, position + 1)
                found.append((text[start : text.index("=", start)].rstrip(_WHITESPACE), value))
    return found


def _skip_comment(text: str, position: int) -> int:
    """Skip a comment. It ends with its line unless a backslash continues it."""
    while position < len(text) and text[position] not in _NEWLINES:
        position += 2 if text[position] == "\\" else 1
    return position


def _read_value(text: str, position: int) -> tuple[str, int]:
    """The value that begins here, and the position where its line ends."""
    value: list[str] = []
    bare = 0  # up to here the value keeps its trailing blanks
    end = len(text)
    in_word = False  # in an unquoted part, where quotes are ordinary characters
    while position < end:
        character = text[position]
        if character in _NEWLINES:
            break
        if character == "\\":
            # It escapes any one character. Before the end of a line, both are dropped.
            if position + 1 < end and text[position + 1] not in _NEWLINES:
                value.append(text[position + 1])
                bare = len(value)
            in_word = True
            position += 2
        elif not in_word and character in "'\"":
            read = _read_single_quoted if character == "'" else _read_double_quoted
            quoted, position = read(text, position + 1)
            value += quoted
            bare = len(value)
        elif not in_word and character in _WHITESPACE:
            position += 1
        else:
            in_word = True
            value.append(character)
            if character not in _WHITESPACE:
                bare = len(value)
            position += 1
    return "".join(value[:bare]), position


def _read_single_quoted(text: str, position: int) -> tuple[str, int]:
    close = text.find("'", position)
    if close < 0:
        return text[position:], len(text)
    return text[position:close], close + 1


def _read_double_quoted(text: str, position: int) -> tuple[list[str], int]:
    value: list[str] = []
    while position < len(text) and text[position] != '"':
        character = text[position]
        if character == "\\":
            position += 1
            following = text[position : position + 1]
            if following and following in _ESCAPED_IN_DOUBLE_QUOTES:
                value.append(following)
            elif following != "\n" and following:
                value.append("\\" + following)
        else:
            value.append(character)
        position += 1
    return value, position + 1


def expand_arguments(arguments: Iterable[str], variables: Mapping[str, str]) -> list[str]:
    """A command line with its variables expanded. `$NAME` as a word of its own becomes the words of the value, of which
    there may be none; `${NAME}` becomes the value wherever it stands; `$$` becomes one dollar sign."""
    result: list[str] = []
    for argument in arguments:
        if argument[:1] == "$" and argument[1:2] not in ("", "{", "$"):
            result += split_words(variables.get(argument[1:], ""))
        elif argument == "$":
            continue
        else:
            result.append(expand(argument, variables))
    return result


def expand(text: str, variables: Mapping[str, str]) -> str:
    """One word with `${NAME}` and `$$` expanded. Any other dollar sign stands for itself."""
    result: list[str] = []
    position = 0
    while True:
        dollar = text.find("$", position)
        if dollar < 0:
            break
        result.append(text[position:dollar])
        following = text[dollar + 1 : dollar + 2]
        if following == "$":
            result.append("$")
            position = dollar + 2
        elif following == "{" and "}" in text[dollar:]:
            close = text.index("}", dollar)
            name = text[dollar + 2 : close]
            if ":" in name:  # ${NAME:-default} of a shell has no meaning here
                position = text.index(":", dollar) + 1
                result.append(text[dollar:position])
                continue
            result.append(variables.get(name, ""))
            position = close + 1
        else:
            result.append("$")
            position = dollar + 1
    result.append(text[position:])
    return "".join(result)


def split_words(text: str) -> list[str]:
    """The words of a variable's value. Quotes keep a word together; a backslash, even in quotes, escapes one
    character."""
    words: list[str] = []
    word: list[str] | None = None
    quote = ""
    position = 0
    while position < len(text):
        character = text[position]
        if character == "\\":
            position += 1
            word = (word or []) + [text[position : position + 1]]
        elif quote:
            if character == quote:
                quote = ""
            else:
                word = (word or []) + [character]
        elif character in "'\"":
            quote = character
            word = word or []
        elif character in _WHITESPACE:
            if word is not None:
                words.append("".join(word))
                word = None
        else:
            word = (word or []) + [character]
        position += 1
    if word is not None:
        words.append("".join(word))
    return words
