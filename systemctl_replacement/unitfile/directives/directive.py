"""A row of the table: everything known about one directive."""

from __future__ import annotations

from systemctl_replacement.unitfile.directives.honoured import NOT_YET, Honoured

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Final

    from systemctl_replacement.unitfile.manager_config import ManagerConfig
    from systemctl_replacement.unitfile.parsers.parse_context import Parser

# How repeated assignments combine. All but ADD start anew after an empty assignment.
REPLACE = "replace"  # the last one counts; the parser decides what an empty one means
FIRST = "first"  # the first one counts, the others are refused: Unit= of timers and paths
APPEND = "append"  # tuples are concatenated
ADD = "add"  # the same, but nothing resets it: dependencies
MERGE = "merge"  # as APPEND, for NAME=VALUE words: the last value of a name counts
UNION = "union"  # sets are merged
DIRECTORIES = "directories"  # as APPEND, for (path, symlink …): one for each path with all its links, sorted by path
JOIN = "join"  # bytes are concatenated

_EMPTY: dict[str, Any] = {REPLACE: "", FIRST: "", UNION: frozenset(), JOIN: b""}  # () for the others


class Configured:
    """A default that is taken from the manager's configuration."""

    __slots__ = ("name", "otherwise")

    def __init__(self, name: str, otherwise: Any = None) -> None:
        self.name: Final = name
        """The attribute of ManagerConfig."""
        self.otherwise: Final = otherwise
        """The raw value where that is None."""

    def of(self, config: ManagerConfig) -> Any:
        """The value in a configuration."""
        value = getattr(config, self.name)
        return self.otherwise if value is None else value


class Inherited:
    """A default that processes inherit from the manager: what applies to the process that asks."""

    __slots__ = ("look",)

    def __init__(self, look: Callable[[ManagerConfig], Any]) -> None:
        self.look: Final = look

    def of(self, config: ManagerConfig) -> Any:
        """The value that a process of a manager with this configuration begins with."""
        return self.look(config)


class Directive:
    """One directive: a row of the table. It never changes; a record would take twice as long to make.

    `parse`: the parser, from assigned text to typed value. `combine`: how assignments combine, one of the words above.
    `sets`: (section, name) pairs that it sets instead of itself, as old names, shorthands and members of groups do; the
    section "" stands for its own.
    `default`: what `Unit.get` gives when nothing is assigned; if omitted, "" or an empty collection, as `combine` asks
    for. None: the manager's configuration or other settings decide.
    `unset`: what `show` says when nothing is assigned, if that does not follow from `default`: a raw value, or the
    setting in the manager's configuration that decides, or what is inherited from the manager.
    `property`: its name in `systemctl show`, "" if it has none; if omitted, the directive's own, or none where it sets
    others. `kind`: the kind of that property (properties/kinds.py).
    `since`: the first release of systemd whose NEWS names it, 0 for older ones.
    `honoured`: how far it is applied here. `protects`: it restricts the unit's processes, so that ignoring it leaves
    them with more than they should have.
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
