"""What is known of one directive: a row of the table."""

from __future__ import annotations

from systemctl_replacement.unitfile.directives.honoured import NOT_YET, Honoured

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

    from systemctl_replacement.unitfile.parsers.parse_context import Parser

# How a further assignment joins what was assigned before. All but ADD start anew after an empty assignment.
REPLACE = "replace"  # the last one counts; what an empty one means is the parser's business
FIRST = "first"  # the first one counts, the others are refused: Unit= of timers and paths
APPEND = "append"  # tuples are joined
ADD = "add"  # the same, but nothing resets it: dependencies
MERGE = "merge"  # NAME=VALUE tuples are joined, a later value of a name replaces the earlier one
UNION = "union"  # sets are united
DIRECTORIES = "directories"  # (path, symlink …) tuples: one for each path with all its links, sorted by path
JOIN = "join"  # bytes are joined

_EMPTY: dict[str, Any] = {REPLACE: "", FIRST: "", UNION: frozenset(), JOIN: b""}  # () for the others


class Configured:
    """A default that the manager's configuration decides."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name: Final = name
        """The attribute of ManagerConfig that has it."""


class Directive:
    """One directive; nothing of it ever changes. (A record would take twice the time to make, and there are 500.)

    `parse`: makes the typed value of what is assigned. `combine`: one of the words above.
    `default`: what `Unit.get` gives when nothing is assigned: "" or an empty collection unless the row says otherwise;
    None if the manager's configuration or other settings decide. `unset`: what that means, where the default does not
    tell: the value that `show` has then, raw, or where in the configuration it is.
    `property`: the name in `systemctl show`, "" if there is none: the directive's own unless the row says otherwise or
    sets another. `kind`: the kind of that property (properties/kinds.py).
    `since`: the release of systemd whose NEWS first names it, 0 if none does (it is then older than that).
    `honoured`: how far it is applied here. `protects`: it takes something away from the unit's processes, so that
    leaving it out leaves them with more than they should have.
    `sets`: (section, name) pairs of what it sets instead of itself: an old name, a shorthand, a member of a group.
    """

    __slots__ = (
        "combine", "default", "honoured", "kind", "name", "parse", "property", "protects", "sets", "since", "unset",
    )  # fmt: skip

    def __init__(
        self,
        name: str,
        *,
        parse: Parser,
        combine: str = REPLACE,
        sets: tuple[tuple[str, str], ...] = (),
        default: Any = "",
        unset: Any = None,
        property: str | None = None,  # noqa: A002
        kind: str = "string",
        since: int = 0,
        honoured: Honoured = NOT_YET,
        protects: bool = False,
    ) -> None:
        self.name: Final = name
        self.parse: Final = parse
        self.combine: Final = combine
        self.sets: Final = sets
        self.default: Final = _EMPTY.get(combine, ()) if default == "" else default
        self.unset: Final = unset
        self.property: Final = ("" if sets else name) if property is None else property
        self.kind: Final = kind
        self.since: Final = since
        self.honoured: Final = honoured
        self.protects: Final = protects

    def __repr__(self) -> str:
        return f"<{self.name}=>"
