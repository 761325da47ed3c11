"""What is known of one directive: a row of table.py."""

from __future__ import annotations

from systemctl_replacement.records import dataclass
from systemctl_replacement.unitfile.parsers.parse_context import Parser

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

# How a further assignment joins what was assigned before. All but ADD start anew after an empty assignment.
REPLACE = "replace"  # the last one counts; what an empty one means is the parser's business
FIRST = "first"  # the first one counts, the others are refused: Unit= of timers and paths
APPEND = "append"  # tuples are joined
ADD = "add"  # the same, but nothing resets it: dependencies
MERGE = "merge"  # NAME=VALUE tuples are joined, a later value of a name replaces the earlier one
UNION = "union"  # sets are united
DIRECTORIES = "directories"  # (path, symlink …) tuples: one for each path with all its links, sorted by path
JOIN = "join"  # bytes are joined

# How far a directive is honoured.
FULL = "full"
BEST_EFFORT = "best-effort"
IGNORED = "ignored"
NOT_YET = "not-yet"


@dataclass(frozen=True)
class Directive:
    """One directive.

    `section`: the section it is documented for; "Exec", "Resource" and "Kill" are shared by several sections.
    `parse`: None for what is accepted and has no effect in systemd itself. `combine`: one of the words above.
    `default`: what `Unit.get` gives when it is not assigned; None if the manager's configuration or other settings
    decide. `property`: the name in `systemctl show`, "" if it has none. `since`: the release of systemd whose NEWS
    first names it, 0 if none does (it is then older than that). `honoured`: FULL, BEST_EFFORT, IGNORED or NOT_YET,
    with the `reason` for all but FULL. `security`: it takes something away from the unit's processes, so that leaving
    it out leaves them with more than they should have. `targets`: (section, directive) pairs it sets instead of
    itself: old names, shorthands.
    """

    __slots__ = (
        "combine", "default", "honoured", "name", "parse", "property", "reason", "section", "security", "since",
        "targets",
    )  # fmt: skip
    section: str
    name: str
    parse: Parser | None
    combine: str
    default: Any
    property: str
    since: int
    honoured: str
    reason: str
    security: bool
    targets: tuple[tuple[str, str], ...]


def shown(name: str, honoured: str = "") -> dict[str, Any]:
    """Options of a row whose property in `systemctl show` has another name ("" for none)."""
    return {"property": name, "honoured": honoured} if honoured else {"property": name}


def sets(*targets: tuple[str, str], honoured: str = NOT_YET, shown_as: str = "") -> dict[str, Any]:
    """Options of a row that stands for others: an old name or a shorthand. A section of "" is the row's own."""
    return {"property": shown_as, "targets": targets, "honoured": honoured}


def ignored(reason: str, security: bool = False) -> dict[str, Any]:
    """Options of a row that is ignored for a reason."""
    return {"honoured": IGNORED, "reason": reason, "security": security}


def best_effort(reason: str, security: bool = False, shown_as: str | None = None) -> dict[str, Any]:
    """Options of a row that is honoured as far as the container allows."""
    options: dict[str, Any] = {"honoured": BEST_EFFORT, "reason": reason, "security": security}
    return options if shown_as is None else {**options, "property": shown_as}


def missing(reason: str, security: bool = False) -> dict[str, Any]:
    """Options of a row that is not implemented yet, with what it would take."""
    return {"honoured": NOT_YET, "reason": reason, "security": security}


def table(
    section: str, rows: Iterable[tuple[Any, ...]], honoured: str = NOT_YET, reason: str = ""
) -> tuple[Directive, ...]:
    """Rows of (name, parser, combine, default, since[, honoured or options]) as directives.

    `honoured` and `reason` are those of rows that say nothing else.
    """
    made = []
    for row in rows:
        name, parse, combine, default, since = row[:5]
        options = row[5] if len(row) > 5 else {}
        if isinstance(options, str):
            options = {"honoured": options}
        how = options.get("honoured", honoured)
        why = options.get("reason", reason if how == honoured else "")
        made.append(
            Directive(
                section=section,
                name=name,
                parse=parse,
                combine=combine,
                default=default,
                property=options.get("property", name),
                since=since,
                honoured=how,
                reason=why or ("not implemented yet" if how == NOT_YET else ""),
                security=options.get("security", False),
                targets=options.get("targets", ()),
            )
        )
    return tuple(made)
