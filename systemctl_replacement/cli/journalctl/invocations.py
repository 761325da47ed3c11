"""The runs of a unit: which one an offset means, and the list of all of them (journalctl(1) of 257, --invocation=)."""

from __future__ import annotations

from systemctl_replacement.cli.journalctl.boots import by_offset
from systemctl_replacement.cli.journalctl.failure import Failure
from systemctl_replacement.cli.journalctl.matches import by_manager
from systemctl_replacement.journal.expression import All, Any, Is
from systemctl_replacement.journal.query import Boot
from systemctl_replacement.records import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from systemctl_replacement.cli.journalctl.options import Options
    from systemctl_replacement.journal.query import Journal, Query

_NEEDS_UNIT = "Using {} requires a unit. Please specify a unit name with -u/--unit=/--user-unit=."
_FIELDS = ("INVOCATION_ID", "_SYSTEMD_INVOCATION_ID")


def invocations(journal: Journal, query: Query) -> list[Boot]:
    """The invocations that entries tell, in their order, with the times of the first and the last of them."""
    found: dict[str, tuple[int, int]] = {}
    for entry in journal.entries(query):
        fields = entry.fields
        identifier = fields.get(_FIELDS[0]) or fields.get(_FIELDS[1])
        if isinstance(identifier, str):
            first, _ = found.get(identifier, (entry.realtime, 0))
            found[identifier] = first, entry.realtime
    return [Boot(identifier, first, last) for identifier, (first, last) in found.items()]


def within(journal: Journal, query: Query, options: Options) -> Query:
    """The query, restricted to the invocation that is asked for. Failure if there is none."""
    identifier: str | None = options.invocation_id
    if not identifier or options.invocation_offset:
        require_unit(options, "--invocation=")
        ids = [one.id for one in invocations(journal, query)]
        identifier = by_offset(ids, options.invocation_id, options.invocation_offset)
        if identifier is None:
            named = f"{options.invocation_id}{options.invocation_offset:+d}"
            raise Failure(f"No journal entry found for the specified invocation ({named}).")
    value = identifier.encode()
    about = Any((Is("_SYSTEMD_INVOCATION_ID", value), *by_manager(Is("INVOCATION_ID", value))))
    return replace(query, expression=about if query.expression is None else All((query.expression, about)))


def require_unit(options: Options, option: str) -> None:
    """Failure without a unit whose invocations could be looked for."""
    if not options.units and not options.user_units:
        raise Failure(_NEEDS_UNIT.format(option))
