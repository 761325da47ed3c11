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
_CLASS = re.compile(r"\[:(\w+):\]")
# Escapes that mean something else to `re`, or nothing.
_ESCAPES = {"h": r"[ \t]", "z": r"\Z", "Z": r"(?=\n?\Z)", "R": r"(?:\r\n|[\n\v\f\r])", "N": r"[^\n]", "e": r"\x1b"}
_COMPLAINTS = (
    ("unterminated character set", "missing terminating ] for character class"),
    ("missing ), unterminated subpattern", "missing closing parenthesis"),
    ("unbalanced parenthesis", "unmatched closing parenthesis"),
    ("nothing to repeat", "quantifier does not follow a repeatable item"),
    ("multiple repeat", "quantifier does not follow a repeatable item"),
    ("bad escape (end of pattern)", r"\ at end of pattern"),
    ("bad character range", "range out of order in character class"),
    ("min repeat greater than max repeat", "numbers out of order in {} quantifier"),
    ("invalid group reference", "reference to non-existent subpattern"),
    ("unknown extension ?", "unrecognized character after (? or (?-"),
)


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
        character = text[position]
        if character == "\\" and position + 1 < len(text):
            escaped = text[position + 1]
            if escaped == "Q" and not in_set:
                end = text.find(r"\E", position)
                end = len(text) if end < 0 else end
                parts.append(re.escape(text[position + 2 : end]))
                position = end + 2
                continue
            parts.append(_ESCAPES.get(escaped, f"\\{escaped}") if not in_set else _in_set(escaped))
            position += 2
            continue
        named = _CLASS.match(text, position) if in_set else None
        if named and named[1] in _CLASSES:
            parts.append(_CLASSES[named[1]])
            position = named.end()
            continue
        if in_set:
            in_set = character != "]"
            # An opening bracket in a set stands for itself in both languages, but `re` warns of it.
            parts.append(r"\[" if character == "[" else character)
        elif character == "[":
            in_set = True
            parts.append(character)
            for first in ("^", "]"):  # a closing bracket that comes first belongs to the set
                if text[position + 1 : position + 2] == first:
                    position += 1
                    parts.append(first)
        else:
            parts.append(character)
        position += 1
    return "".join(parts)


def _in_set(escaped: str) -> str:
    return {"h": r" \t", "e": r"\x1b"}.get(escaped, f"\\{escaped}")


def _complaint(text: str) -> str:
    for begin, words in _COMPLAINTS:
        if text.startswith(begin):
            return words
    return text
