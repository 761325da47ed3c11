"""--grep=: a pattern of PCRE2 as the standard library's `re`, and complaints in PCRE2's words.

What PCRE2 has and `re` lacks (recursion, conditions on groups by name, \\K …) is a bad pattern here.
"""

from __future__ import annotations

import re

from systemctl_replacement.cli.options import OptionError

# What is between [: and :] in a set, in ASCII as in PCRE2 without (*UCP).
_CLASSES = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "ascii": r"\x00-\x7f",
    "blank": r" \t",
    "cntrl": r"\x00-\x1f\x7f",
    "digit": "0-9",
    "graph": r"\x21-\x7e",
    "lower": "a-z",
    "print": r"\x20-\x7e",
    "punct": r"!-/:-@\[-`{-~",
    "space": r" \t\n\v\f\r",
    "upper": "A-Z",
    "word": r"\w",
    "xdigit": "0-9A-Fa-f",
}
_CLASS = re.compile(r"\[:(\^?)(\w+):\]")
# What is spelled otherwise, outside of sets: groups with names, references to them, characters by their number.
_NAMED = re.compile(r"\(\?<(?=\w)|\(\?'(\w+)'")
_REFERENCE = re.compile(r"\\k(?:<(\w+)>|'(\w+)'|\{(\w+)\})")
_NUMBER = re.compile(r"\\x\{([0-9A-Fa-f]{1,6})\}")
# Escapes that mean something else to `re`, or nothing.
_ESCAPES = {"h": r"[ \t]", "z": r"\Z", "Z": r"(?=\n?\Z)", "R": r"(?:\r\n|[\n\v\f\r])", "N": r"[^\n]", "e": r"\x1b"}
_COMPLAINTS = (
    ("unterminated character set", "missing terminating ] for character class"),
    ("missing ), unterminated subpattern", "missing closing parenthesis"),
    ("unbalanced parenthesis", "unmatched closing parenthesis"),
    ("nothing to repeat", "quantifier does not follow a repeatable item"),
    ("multiple repeat", "quantifier does not follow a repeatable item"),
    ("bad escape (end of pattern)", r"\ at end of pattern"),
    ("bad escape \\", "unrecognized character follows \\"),
    ("bad character range", "range out of order in character class"),
    ("min repeat greater than max repeat", "numbers out of order in {} quantifier"),
    ("invalid group reference", "reference to non-existent subpattern"),
    ("unknown group name", "reference to non-existent subpattern"),
    ("unknown extension ?", "unrecognized character after (? or (?-"),
)


_LAST_CHARACTER = 0x10FFFF


def compile_pattern(text: str, case_sensitive: bool | None) -> re.Pattern[str]:
    """case_sensitive: None for only if there is an upper-case letter in the pattern. Raises OptionError."""
    if case_sensitive is None:
        case_sensitive = any("A" <= character <= "Z" for character in text)
    try:
        return re.compile(_translated(text), re.ASCII if case_sensitive else re.ASCII | re.IGNORECASE)
    except (re.error, OverflowError, RecursionError) as error:
        raise OptionError(f'Bad pattern "{text}": {_complaint(str(error))}') from None


def _translated(text: str) -> str:
    """The pattern in the language of `re`."""
    parts = []
    position = 0
    in_set = False
    while position < len(text):
        part, position = (_part_of_set if in_set else _part)(text, position)
        parts.append(part)
        in_set = part != "]" if in_set else part.startswith("[") and not part.endswith("]")
    return "".join(parts)


def _part(text: str, position: int) -> tuple[str, int]:
    """What stands at a position outside of a set in the language of `re`, and where it ends."""
    character, following = text[position], text[position + 1 : position + 2]
    if character == "\\" and following:
        return _escape(text, position)
    if named := _NAMED.match(text, position):
        return (f"(?P<{named[1]}>" if named[1] else "(?P<"), named.end()
    if character != "[":
        return character, position + 1
    begin = position
    for first in ("^", "]"):  # a closing bracket that comes first belongs to the set
        if text[position + 1 : position + 2] == first:
            position += 1
    return text[begin : position + 1].replace("]", r"\]"), position + 1


def _escape(text: str, position: int) -> tuple[str, int]:
    if reference := _REFERENCE.match(text, position):
        return f"(?P={reference[reference.lastindex or 1]})", reference.end()
    if number := _NUMBER.match(text, position):
        return re.escape(chr(min(int(number[1], 16), _LAST_CHARACTER))), number.end()
    escaped = text[position + 1]
    if escaped != "Q":
        return _ESCAPES.get(escaped, f"\\{escaped}"), position + 2
    end = text.find(r"\E", position)
    end = len(text) if end < 0 else end
    return re.escape(text[position + 2 : end]), end + 2


def _part_of_set(text: str, position: int) -> tuple[str, int]:
    """The same in a set."""
    character = text[position]
    if character == "\\" and position + 1 < len(text):
        escaped = text[position + 1]
        return {"h": r" \t", "e": r"\x1b"}.get(escaped, f"\\{escaped}"), position + 2
    named = _CLASS.match(text, position)
    if named and named[2] not in _CLASSES:
        raise re.error("unknown POSIX class name")
    if named:
        return (_all_but(_CLASSES[named[2]]) if named[1] else _CLASSES[named[2]]), named.end()
    # An opening bracket in a set stands for itself in both languages, but `re` warns of it.
    return (r"\[" if character == "[" else character), position + 1


def _all_but(members: str) -> str:
    """The members of the opposite set."""
    among = re.compile(f"[{members}]")
    others = [chr(code) for code in range(128) if not among.match(chr(code))]
    return "".join(map(re.escape, others)) + f"\x80-{chr(_LAST_CHARACTER)}"


def _complaint(text: str) -> str:
    for begin, words in _COMPLAINTS:
        if text.startswith(begin):
            return words
    return text
