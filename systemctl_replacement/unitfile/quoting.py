"""Splitting a value into words: quotes, C escapes, separators, exactly as systemd's unit files have them.

Source: systemd.syntax(7), systemd.service(5) "Command lines"; details as observed with systemd 252.
Escapes such as \\xff may make bytes that are no UTF-8: they come out as surrogate escapes, for `os.fsencode`.
"""

from __future__ import annotations

WHITESPACE = " \t\n\r"

_SIMPLE = {
    "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v",
    "\\": "\\", '"': '"', "'": "'", "s": " ",
}  # fmt: skip
_HEX = frozenset("0123456789abcdefABCDEF")
_OCTAL = frozenset("01234567")
_DIGITS = {"x": 2, "u": 4, "U": 8}


class QuotingError(ValueError):
    """An unterminated quote, or an unknown escape."""


def unescape_one(text: str, position: int) -> tuple[str, int] | None:
    """The C escape whose backslash stands before `position`: its text and the position behind it; None if it is none.

    A byte above 0x7f given as \\xNN or octal comes out as a surrogate escape.
    """
    letter = text[position : position + 1]
    if letter in _SIMPLE and letter:
        return _SIMPLE[letter], position + 1
    if letter in _DIGITS and letter:
        digits = text[position + 1 : position + 1 + _DIGITS[letter]]
        if len(digits) != _DIGITS[letter] or not _HEX.issuperset(digits):
            return None
        code = int(digits, 16)
        end = position + 1 + len(digits)
        if code == 0:
            return None
        if letter == "x":
            return _byte(code), end
        if letter == "U" and not _is_character(code):
            return None
        # \\u is taken for what it is, surrogates too: those become bytes that are no UTF-8.
        return chr(code).encode("utf-8", "surrogatepass").decode("utf-8", "surrogateescape"), end
    digits = text[position : position + 3]
    if len(digits) == 3 and _OCTAL.issuperset(digits) and 0 < int(digits, 8) <= 255:
        return _byte(int(digits, 8)), position + 3
    return None


def _is_character(code: int) -> bool:
    return (
        code < 0x110000 and (code & 0xFFFFF800) != 0xD800 and not 0xFDD0 <= code <= 0xFDEF and (code & 0xFFFE) != 0xFFFE
    )


def unescape(text: str) -> str:
    """`text` with all C escapes decoded. Raises QuotingError for an unknown one."""
    if "\\" not in text:
        return text
    parts: list[str] = []
    position = 0
    while position < len(text):
        if text[position] != "\\":
            parts.append(text[position])
            position += 1
            continue
        found = unescape_one(text, position + 1)
        if found is None:
            raise QuotingError("unknown escape")
        parts.append(found[0])
        position = found[1]
    return _join(parts)


def _byte(code: int) -> str:
    return chr(code) if code < 0x80 else chr(0xDC00 + code)


def _join(parts: list[str]) -> str:
    word = "".join(parts)
    if any("\udc80" <= part <= "\udcff" for part in parts):
        # Bytes given one by one (\xc3\xa4) may together be a character.
        return word.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")
    return word


def first_word(
    text: str,
    position: int = 0,
    separators: str = WHITESPACE,
    *,
    unquote: bool = True,
    unescape: bool = True,
    relax: bool = False,
    unescape_relax: bool = False,
    keep_empty: bool = False,
    retain_escape: bool = False,
    unescape_separators: bool = False,
) -> tuple[str | None, int]:
    """The next word at `position` and where the one after it starts; (None, len) if there is none.

    unquote: quotes group and vanish. unescape: C escapes are decoded (else a backslash just quotes the next character).
    relax: forgive unbalanced quotes. unescape_relax: keep unknown escapes as they are.
    keep_empty: separators do not coalesce, so empty words between them count (position past the end: no more words).
    retain_escape: backslashes are ordinary characters. unescape_separators: a backslash in front of one makes it one
    too. Raises QuotingError.
    """
    end = len(text)
    if not keep_empty:
        while position < end and text[position] in separators:
            position += 1
        if position >= end:
            return None, end
    elif position > end:
        return None, end
    parts: list[str] = []
    quote = ""
    while position < end:
        character = text[position]
        if character == "\\" and not retain_escape:
            position += 1
            if position >= end:
                if unescape_relax and (not quote or relax):
                    parts.append("\\")
                    return _join(parts), end
                if relax:
                    return _join(parts), end
                raise QuotingError("trailing backslash")
            if unescape:
                found = unescape_one(text, position)
                if found is not None:
                    parts.append(found[0])
                    position = found[1]
                    continue
                if not (unescape_separators and text[position] in separators + "\\"):
                    if not unescape_relax:
                        raise QuotingError("unknown escape")
                    parts.append("\\")
            parts.append(text[position])
            position += 1
        elif quote:
            position += 1
            if character == quote:
                quote = ""
            else:
                parts.append(character)
        elif unquote and character in "'\"":
            quote = character
            position += 1
        elif character in separators:
            position += 1
            if not keep_empty:
                while position < end and text[position] in separators:
                    position += 1
            return _join(parts), position
        else:
            parts.append(character)
            position += 1
    if quote and not relax:
        raise QuotingError("unbalanced quotes")
    # Past the end tells a keep_empty caller that no separator followed: there is no further, empty word.
    return _join(parts), end + 1 if keep_empty else end


def split(
    text: str,
    separators: str = WHITESPACE,
    *,
    unquote: bool = True,
    unescape: bool = True,
    relax: bool = False,
    unescape_relax: bool = False,
    keep_empty: bool = False,
    retain_escape: bool = False,
    unescape_separators: bool = False,
) -> list[str]:
    """All words of `text`; the flags are those of `first_word`. Raises QuotingError."""
    if not keep_empty and separators == WHITESPACE and "\\" not in text and "'" not in text and '"' not in text:
        return _plain_split(text)
    words: list[str] = []
    position = 0
    while True:
        word, position = first_word(
            text,
            position,
            separators,
            unquote=unquote,
            unescape=unescape,
            relax=relax,
            unescape_relax=unescape_relax,
            keep_empty=keep_empty,
            retain_escape=retain_escape,
            unescape_separators=unescape_separators,
        )
        if word is None:
            return words
        words.append(word)


def _plain_split(text: str) -> list[str]:
    # str.split() also splits at separators that systemd takes for ordinary characters (vertical tab, no-break space …).
    words = text.split()
    if text.isascii() and not any(c in text for c in "\v\f\x1c\x1d\x1e\x1f"):
        return words
    return [word for word in text.replace("\t", " ").replace("\n", " ").replace("\r", " ").split(" ") if word]
