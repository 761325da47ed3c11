"""Condition…= and Assert…= of [Unit]: parsing them, not testing whether they hold.

Source: systemd.unit(5) "CONDITIONS AND ASSERTS".
"""

from __future__ import annotations

from systemctl_replacement.records import dataclass
from systemctl_replacement.unitfile.parsers import common as parsers
from systemctl_replacement.unitfile.parsers.parse_context import UNSET, ParseContext, Refused
from systemctl_replacement.unitfile.specifiers import SpecifierError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

PATH_KINDS = frozenset(
    (
        "PathExists", "PathExistsGlob", "PathIsDirectory", "PathIsSymbolicLink", "PathIsMountPoint",
        "PathIsReadWrite", "PathIsEncrypted", "DirectoryNotEmpty", "FileNotEmpty", "FileIsExecutable",
        "NeedsUpdate",
    )
)  # fmt: skip


@dataclass(frozen=True)
class Condition:
    """One condition. `kind` is the directive without Condition or Assert ("PathExists").

    `trigger`: one of those marked `|` must hold rather than all; `negate`: marked `!`.
    """

    kind: str
    trigger: bool
    negate: bool
    parameter: str


def parse_condition(context: ParseContext, key: str, text: str) -> Any:
    """The condition of one assignment; an empty one drops all conditions before it."""
    if not text:
        return UNSET
    kind = key[len("Condition") :] if key.startswith("Condition") else key[len("Assert") :]
    trigger = text.startswith("|")
    rest = text[1:].lstrip(" \t\n\r") if trigger else text
    negate = rest.startswith("!")
    rest = rest[1:] if negate else rest
    try:
        parameter = context.expand(rest)
    except SpecifierError as error:
        raise Refused(f"Failed to resolve unit specifiers in {rest}, ignoring: {error}") from None
    if kind in PATH_KINDS:
        parameter = parsers.check_path(key, parameter)
    return (Condition(kind, trigger, negate, parameter),)
