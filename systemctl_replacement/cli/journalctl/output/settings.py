"""What is asked of the output of journal entries."""

from __future__ import annotations

from systemctl_replacement.records import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re


@dataclass(frozen=True)
class OutputSettings:
    """The options of journalctl(1) that say how an entry is shown.

    mode: the value of --output=, one of option_table.OUTPUT_MODES.
    columns: how wide a line may be, if `full` is not set. fields: of --output-fields=; None: all of them.
    highlight: what --grep= has found, marked where there are colours. tty: a person reads it, perhaps through a pager.
    """

    mode: str = "short"
    utc: bool = False
    hostname: bool = True
    all: bool = False
    full: bool = True
    columns: int = 80
    fields: frozenset[str] | None = None
    catalog: bool = False
    colors: bool = False
    highlight: re.Pattern[str] | None = None
    tty: bool = False
