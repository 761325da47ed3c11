"""Showing text that somebody else has written: none of its escape sequences reaches a terminal."""

from __future__ import annotations

ESCAPES = {"\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v"}
"""The escapes that C and shells have for control characters."""
_TAB = b" " * 8


def is_printable_text(text: str) -> bool:
    """Whether this has no control characters except tab and newline: journalctl's criterion."""
    return (text.isascii() and text.isprintable()) or not any(map(_is_not_text, text))


def _is_not_text(character: str) -> bool:
    code = ord(character)
    if is_control(character):
        return character not in "\t\n"
    return 0xFDD0 <= code <= 0xFDEF or code & 0xFFFE == 0xFFFE  # Unicode's noncharacters


def is_control(character: str) -> bool:
    """Whether this is one of the 65 control characters, which include C1 and DEL."""
    return character < " " or "\x7f" <= character <= "\x9f"


def without_sequences(data: bytes) -> bytes:
    """The text without the escape sequences for colours and links, without carriage returns at the end of a line, and
    with eight blanks for each tab."""
    if b"\x1b" not in data and b"\r" not in data:
        return data.replace(b"\t", _TAB)
    import re  # few lines have any

    def replacement(match: re.Match[bytes]) -> bytes:
        if match[0] == b"\t":
            return _TAB
        return match[0] if match["other"] is not None else b""

    pattern = rb"\t|\r+(?=\n|\Z)|\x1b(?:\[[0-9;]*m|\][ -~]*\x07|(?P<other>[\s\S]?))"
    return re.sub(pattern, replacement, data)


def blob(size: int) -> str:
    """What is shown instead of a text of so many bytes."""
    return f"[{format_bytes(size)} blob data]"


def format_bytes(count: int) -> str:
    """A size as systemd writes it: 580.0K, 12.7M."""
    for factor, suffix in ((1 << 40, "T"), (1 << 30, "G"), (1 << 20, "M"), (1 << 10, "K")):
        if count >= factor:
            return f"{count // factor}.{count % factor * 10 // factor}{suffix}"
    return f"{count}B"


def escaped(text: str) -> str:
    r"""The text with C escapes instead of control characters: \a, \t, \033."""
    if text.isprintable():
        return text
    return "".join(
        ESCAPES.get(character) or "".join(f"\\{byte:03o}" for byte in character.encode())
        if is_control(character)
        else character
        for character in text
    )
