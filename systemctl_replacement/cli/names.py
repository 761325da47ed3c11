"""From words of the command line to unit names: mangling, and globs over the loaded units."""

from __future__ import annotations

from systemctl_replacement.cli.invocation import CommandError, Invocation
from systemctl_replacement.cli.unit_words import mangled_with_hint
from systemctl_replacement.unitfile.names import is_glob
from systemctl_replacement.unitfile.patterns import matches

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from systemctl_replacement.cli.option_table import Options


NOT_MANGLED = "Failed to mangle name: Invalid argument"
_NOT_EXPANDED = f"{NOT_MANGLED}\nFailed to expand names: Invalid argument"


def mangled(
    name: str, invocation: Invocation, suffix: str = ".service", *, glob: bool = True, failure: str = _NOT_EXPANDED
) -> str:
    """The unit name or pattern that a word of the command line means. failure: what is said if it can mean none."""
    say = (lambda text: None) if invocation.options.quiet else invocation.err
    try:
        return mangled_with_hint(name, suffix, say, glob=glob)
    except ValueError:
        raise CommandError(failure) from None


def expand(
    words: Sequence[str],
    invocation: Invocation,
    suffix: str = ".service",
    units: Sequence[dict[str, Any]] | None = None,
) -> list[str]:
    """Unit names for words of the command line. Globs become the names of the units that match, sorted.

    Globs only match units that `list-units` with the same options would list, so without --all no inactive ones.

    units: the units that the manager has loaded, if it has been asked already.
    """
    names = [mangled(word, invocation, suffix) for word in words]
    patterns = [name for name in names if is_glob(name)]
    expanded = [name for name in names if not is_glob(name)]
    if patterns:
        if units is None:
            units = invocation.manager_or_files().call("Units", patterns=[])["units"]
        check_utf8(patterns)
        expanded += matching(patterns, [unit for unit in units if is_shown(unit, invocation.options)])
    return expanded


def is_shown(unit: dict[str, Any], options: Options) -> bool:
    """Whether --type=, --state= and --all select a unit."""
    if options.states:
        if not {unit["load_state"], unit["active_state"], unit["sub_state"]} & set(options.states):
            return False
    elif not options.all and ((unit["active_state"] == "inactive" and not unit["job_id"]) or unit["following"]):
        return False
    return not options.types or unit["id"].rpartition(".")[2] in options.types


def check_utf8(words: Sequence[str]) -> None:
    """Raise CommandError for words that are not UTF-8, in systemd's words: its bus cannot carry them."""
    if any("\udc80" <= character <= "\udcff" for word in words for character in word):
        raise CommandError("Failed to create bus message: Invalid argument")


def matching(patterns: Sequence[str], units: Sequence[dict[str, Any]]) -> list[str]:
    """Ids of the units whose id matches a pattern, sorted. As in systemd, other names of a unit do not count."""
    return sorted(unit["id"] for unit in units if any(matches(unit["id"], pattern) for pattern in patterns))
