"""Values that differ from run to run are made equal, by the same rules for every case.

A rule replaces a volatile value with a word for what it was. That there is a value, and where, is still compared.
"""

from __future__ import annotations

import re

_WEEKDAY = r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
_STAMP = _WEEKDAY + r" \d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)? UTC"
_SPAN = r"(?:\d+(?:\.\d+)?(?:us|ms|s|min|h|d|w|month|months|y)\b ?)+"

# Properties that say how much of something was used, which is unknown without control groups.
_ACCOUNTING = r"MemoryCurrent|MemoryAvailable|CPUUsageNSec|TasksCurrent|I[OP](?:Ingress|Egress|Read|Write)\w+"

_RULES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.MULTILINE), replacement)
    for pattern, replacement in (
        # show
        (r"^(\w*PID)=[1-9]\d*$", r"\1=PID"),
        (r"^(\w+Timestamp)=" + _STAMP + "$", r"\1=TIME"),
        (r"^(\w+(?:TimestampMonotonic|USecMonotonic))=[1-9]\d*$", r"\1=USEC"),
        (r"^((?:NextElapse|LastTrigger)USecMonotonic)=" + _SPAN + "$", r"\1=SPAN"),
        (r"\bnext_elapse=" + _SPAN, "next_elapse=SPAN "),
        (r"^(InvocationID)=[0-9a-f]{32}$", r"\1=ID"),
        (r"^(Job)=[1-9]\d*$", r"\1=JOB"),
        (r"^(" + _ACCOUNTING + r")=(?:\d+|infinity|\[not set\]|\[no data\])$", r"\1=USAGE"),
        (r"^(ControlGroupId)=\d+$", r"\1=NUMBER"),
        (r"\b(start_time|stop_time)=\[" + _STAMP + r"\]", r"\1=[TIME]"),
        (r"\bpid=[1-9]\d*", "pid=PID"),
        # status
        (r"^( *(?:Main PID|Control PID|Cntrl PID)): \d+", r"\1: PID"),
        (r"; Control PID: \d+", "; Control PID: PID"),
        (r"^( *(?:Process)): \d+ ", r"\1: PID "),
        (_STAMP, "TIME"),
        (r"\b" + _SPAN.rstrip(" ?") + r" ago", "SPAN ago"),
        (r"^( *Duration): .*$", r"\1: SPAN"),
        (r"^ *(?:Tasks|Memory|CPU|IO|IP): .*\n", ""),
        (r"^( *CGroup): .*\n(?: +(?:├─|└─|\|-|`-).*\n)*", r"\1: TREE\n"),
        (r"^\w{3} [ \d]\d \d\d:\d\d:\d\d (\S+ [^ \[]+)\[\d+\]:", r"DATE \1[PID]:"),
        (r"^( *Invocation): [0-9a-f]{32}", r"\1: ID"),
        # list-jobs
        (r"^ *\d+ +(\S+\.\w+ +(?:start|stop|restart|reload|verify-active|nop) +(?:waiting|running))", r"JOB \1"),
    )
)


# Sets that systemd prints in random order.
_SETS = re.compile(
    r"^(Requires|Requisite|Wants|BindsTo|PartOf|Upholds|RequiredBy|RequisiteOf|WantedBy|BoundBy|UpheldBy|ConsistsOf"
    r"|Conflicts|ConflictedBy|Before|After|OnFailure|OnFailureOf|OnSuccess|OnSuccessOf|Triggers|TriggeredBy"
    r"|PropagatesReloadTo|ReloadPropagatedFrom|PropagatesStopTo|StopPropagatedFrom|JoinsNamespaceOf|References"
    r"|ReferencedBy|RequiresMountsFor|SliceOf|Names)=(.*)$",
    re.MULTILINE,
)


def normalise(text: str) -> str:
    """The text with all volatile values replaced."""
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return _SETS.sub(lambda match: f"{match[1]}={' '.join(sorted(match[2].split()))}", text)


_CURSOR = re.compile(r"\bs=[0-9a-f]{32};i=[0-9a-f]+;(b=[0-9a-f]{32};m=[0-9a-f]+;t=[0-9a-f]+);x=[0-9a-f]+")


def normalise_cursors(text: str) -> str:
    """The text without what is drawn or counted in cursors, where the times and the boot are known."""
    return _CURSOR.sub(r"s=ID;i=NUMBER;\1;x=HASH", text)
