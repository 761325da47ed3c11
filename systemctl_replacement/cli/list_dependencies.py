"""list-dependencies: the tree of the units that a unit needs, or that need it."""

from __future__ import annotations

from systemctl_replacement.cli.invocation import CommandError, Invocation
from systemctl_replacement.cli.names import expand
from systemctl_replacement.unitfile.names import is_template, valid_unit_name
from systemctl_replacement.units.table import traits_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from systemctl_replacement.cli.option_table import Options

FORWARD = ("Requires", "Requisite", "Wants", "ConsistsOf", "BindsTo", "Upholds")
_REVERSE = ("RequiredBy", "RequisiteOf", "WantedBy", "PartOf", "BoundBy", "UpheldBy")


def list_dependencies(words: list[str], options: Options, invocation: Invocation) -> int:
    """Print the dependencies of units as a tree, or as a list with --plain."""
    invocation.page()
    printer = _Printer(options, invocation)
    for position, name in enumerate(expand(words or ["default.target"], invocation)):
        if position:
            invocation.out("")
        invocation.out(name)
        if is_template(name) or not valid_unit_name(name):
            what = f"Unit name {name} is neither a valid invocation ID nor unit name."
            raise CommandError(f"Failed to get properties of {name}: {what}")
        printer.print_below(name, [], [])
    return 0


class _Printer:
    """One walk. A unit that was printed before is not descended into again, except with --all."""

    def __init__(self, options: Options, invocation: Invocation) -> None:
        self._options = options
        self._invocation = invocation
        self._terminal = invocation.terminal
        self._seen: set[str] = set()
        self._known: dict[str, dict[str, Any]] = {}
        self._entered: set[str] = set()  # with --plain no unit is repeated
        self._kinds = self._chosen_kinds()

    def _chosen_kinds(self) -> tuple[str, ...]:
        if self._options.after or self._options.before:
            kinds = (["After"] if self._options.after else []) + (["Before"] if self._options.before else [])
            return tuple(kinds)
        return _REVERSE if self._options.reverse else FORWARD

    def print_below(self, name: str, branches: list[bool], above: list[str]) -> None:
        """Print the dependencies of a unit. branches: for each level above, whether its line continues below."""
        above = [*above, name]
        self._entered.add(name)
        names = [other for other in self._dependencies(name) if self._options.all or other not in self._seen]
        for position, dependency in enumerate(names):
            more = position < len(names) - 1
            if dependency in above or (self._options.plain and dependency in self._entered):
                if not self._options.plain:
                    self._print("...", [*branches, more], "")
                continue
            if dependency in self._seen and not self._options.all:
                continue
            self._seen.add(dependency)
            self._print(dependency, [*branches, more], self._terminal.state_dot(self._state(dependency)))
            if self._options.all or traits_of(dependency).groups:
                self.print_below(dependency, [*branches, more], above)

    def _print(self, text: str, branches: list[bool], dot: str) -> None:
        if self._options.plain:
            self._invocation.out("  " + text)
            return
        terminal = self._terminal
        line = "".join(terminal.glyph("vertical") if goes_on else "  " for goes_on in branches[:-1])
        line += terminal.glyph("branch" if branches[-1] else "last")
        self._invocation.out(f"{dot or ' '} {line}{text}")

    def _dependencies(self, name: str) -> list[str]:
        unit = self._unit(name)
        names = {other for kind in self._kinds for other in unit.get(kind) or ()}
        return sorted(names, key=lambda other: (traits_of(other).groups, other))

    def _state(self, name: str) -> str:
        state: str = self._unit(name).get("ActiveState", "inactive")
        return state

    def _unit(self, name: str) -> dict[str, Any]:
        if name not in self._known:
            wanted = [*self._kinds, "ActiveState"]
            found = self._invocation.manager_or_files().call("Show", names=[name], properties=wanted)["units"][0]
            self._known[name] = found["properties"]
        return self._known[name]


VERBS = {"list-dependencies": list_dependencies}
