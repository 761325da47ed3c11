"""What status lines say: the lines that systemd shows on the console while it starts and stops a system. Pure.

Source: systemd(1) "--show-status=", systemd-system.conf(5) "StatusUnitFormat=".
"""

from __future__ import annotations

from systemctl_replacement.columns import shortened
from systemctl_replacement.journal.record import printable
from systemctl_replacement.manager.jobs.job_messages import DESCRIPTION
from systemctl_replacement.records import dataclass
from systemctl_replacement.unitfile.values import USEC_PER_SEC, format_time_span

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

# When status lines are shown (systemd(1)): AUTO becomes TEMPORARY while something takes long.
NO, ERROR, AUTO, TEMPORARY, YES = "no", "error", "auto", "temporary", "yes"
SHOWS_ALL = (TEMPORARY, YES)

_NORMAL, _HIGHLIGHT = "\x1b[0m", "\x1b[0;1;39m"
NAME_COLORS = (_HIGHLIGHT, _NORMAL)
_RED, _BRIGHT_RED, _YELLOW, _GREEN = "\x1b[0;31m", "\x1b[0;1;31m", "\x1b[0;1;38;5;185m", "\x1b[0;32m"

# The word and its colour for the result of a job. The other results are shown nowhere.
_WORDS = {
    "done": ("  OK  ", _GREEN),
    "timeout": (" TIME ", _BRIGHT_RED),
    "failed": ("FAILED", _BRIGHT_RED),
    "dependency": ("DEPEND", _YELLOW),
    "skipped": (" INFO ", _HIGHLIGHT),
    "assert": ("ASSERT", _YELLOW),
    "unsupported": ("UNSUPP", _YELLOW),
    "once": (" ONCE ", _BRIGHT_RED),
}
_INDENT = "         "  # as wide as a word in brackets
_CYLON_WIDTH = 6
_CYLON_PERIOD = 2 * (_CYLON_WIDTH + 1)
_LEAST_WIDTH = 3


@dataclass(frozen=True)
class Screen:
    """What lines are drawn on. columns: the width to which they are cut, 0: they are not; ellipsis: what stands for
    that which was cut out."""

    colors: bool = False
    columns: int = 0
    ellipsis: str = "…"


def may_show(mode: str, is_failure: bool) -> bool:
    """Whether a line is shown in a mode."""
    return mode in SHOWS_ALL or (is_failure and mode != NO)


def one_line(text: str) -> str:
    """What a unit file or a service says, without what could move the cursor."""
    return printable(text).replace("\n", "?")


def begun(screen: Screen, message: str) -> str:
    """The line for a job that has begun."""
    return _INDENT + _cut(screen, message, len(_INDENT))


def ended(screen: Screen, result: str, message: str) -> str:
    """The line for a job that has ended; "" for a result that is shown nowhere."""
    if result not in _WORDS:
        return ""
    word, color = _WORDS[result]
    shown = f"{color}{word}{_NORMAL}" if screen.colors else word
    return f"[{shown}] {_cut(screen, message, len(_INDENT))}"


def see_status(screen: Screen, unit: str) -> str:
    """The line below that of a unit that could not be started."""
    escaped = "".join("\\" + character if character in '"\\`$' else character for character in unit)
    name = unit if escaped == unit else f'"{escaped}"'
    return _cut(screen, f"See 'systemctl status {name}' for details.", 0)


def welcome(screen: Screen, os_release: Mapping[str, str]) -> str:
    """The line about the operating system (os-release(5)), between two empty ones."""
    name = one_line(os_release.get("PRETTY_NAME") or os_release.get("NAME") or "Linux")
    color = os_release.get("ANSI_COLOR", "")
    if not color.isascii() or color.strip("0123456789;"):
        color = ""
    return f"\nWelcome to \x1b[{color or '1'}m{name}{_NORMAL}!\n" if screen.colors else f"\nWelcome to {name}!\n"


def _cut(screen: Screen, text: str, indent: int) -> str:
    if not screen.columns:
        return text
    return shortened(text, max(screen.columns - indent - 1, _LEAST_WIDTH), 50, screen.ellipsis)


# --- the line that shows that something is going on ---


@dataclass(frozen=True)
class Waiting:
    """A job that is running. Times are microseconds: for how long it has been there, and how long it may take (None:
    for ever). name: what its unit was called when it began; status: what the service says of itself."""

    name: str
    type: str
    since: int
    limit: int | None
    status: str = ""


def in_progress(screen: Screen, step: int, number: int, count: int, job: Waiting, format_: str) -> str:
    """The line for one of `count` jobs that are running, the `number`th. step: how often the line was drawn before."""
    which = f"({number} of {count}) " if count > 1 else ""
    limit = "no limit" if job.limit is None else format_time_span(job.limit, USEC_PER_SEC)
    times = f"({format_time_span(job.since, USEC_PER_SEC)} / {limit})"
    if format_ == DESCRIPTION:
        text = f"{which}A {job.type} job is running for {one_line(job.name)} {times}"
    else:
        status = f": {one_line(job.status)}" if job.status else ""
        text = f"{which}Job {job.name}/{job.type} running {times}{status}"
    return f"[{cylon(step, colors=screen.colors)}] {_cut(screen, text, len(_INDENT))}"


def cylon(step: int, *, colors: bool) -> str:
    """An eye that looks to and fro."""
    at = step % _CYLON_PERIOD
    if at > _CYLON_WIDTH + 1:
        at = _CYLON_PERIOD - at
    red, bright, normal = (_RED, _BRIGHT_RED, _NORMAL) if colors else ("", "", "")
    drawn = ""
    if at > 1:
        drawn += " " * (at - 2) + f"{red}*"
    if 0 < at <= _CYLON_WIDTH:
        drawn += f"{bright}*"
    drawn += normal
    if at < _CYLON_WIDTH:
        drawn += f"{red}*" + " " * (_CYLON_WIDTH - 1 - at) + normal
    return drawn
