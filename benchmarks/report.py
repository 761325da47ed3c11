"""The results as text: `benchmarks/results.md`, and the short table in the README."""

from __future__ import annotations

import os
import platform
import time
from pathlib import Path
from typing import Optional

from benchmarks.clients import COMMANDS, FLOOR
from benchmarks.figures import Results, Row, number
from benchmarks.lives import FIRST_EXEC
from benchmarks.subjects import ALL_SUBJECTS

BEGIN, END = "<!-- bench:begin -->", "<!-- bench:end -->"
IN_README = (
    FIRST_EXEC,
    "boot of 100 services",
    "halt of 100 services",
    "kill -9 to the next exec, less RestartSec=100ms",
    "wake-ups in 10 s, 10 services",
    "PID 1, resident, 10 services",
    "all infrastructure, proportional, 10 services",
    "systemctl is-active X",
    "lines per second, one chatty service",
)


def machine() -> list[str]:
    """The machine that the figures were measured on."""
    model = "unknown processor"
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    memory = int(Path("/proc/meminfo").read_text(encoding="ascii").split()[1]) / 1024**2
    return [
        f"{len(os.sched_getaffinity(0))} × {model}, {memory:.0f} GiB of memory",
        f"Linux {platform.release()}",
    ]


def markdown(results: Results, versions: dict[str, str], load: str, quick: bool) -> str:
    """The whole page."""
    lines = [
        "# Benchmarks",
        "",
        "Written by `make bench`; do not edit. Every subject runs in the same kind of box (fresh namespaces",
        "over a Debian root file system), one after the other in every round. A figure is the median, with",
        "the lowest and the highest sample in brackets. The ratio is ours to systemd's. The budgets are the",
        "design's; nothing is asserted. Proportional memory divides a page that several processes of the box",
        "map among them.",
        "",
        f"- Date: {time.strftime('%Y-%m-%d %H:%M %Z')}{', a quick run (few repetitions)' if quick else ''}",
        *(f"- Machine: {line}" if index == 0 else f"- Kernel: {line}" for index, line in enumerate(machine())),
        f"- Load average while measuring: {load}",
        *(f"- {name}: {version}" for name, version in versions.items()),
        "",
    ]
    for section, rows in results.sections.items():
        lines += [f"## {section}", "", *table(list(rows.values())), ""]
        if section == COMMANDS:
            lines += floor_note(rows)
    return "\n".join(lines)


def table(rows: list[Row]) -> list[str]:
    """A table with a column for each subject that has a figure in any row."""
    names = [subject.name for subject in ALL_SUBJECTS if any(subject.name in row.samples for row in rows)]
    head = ["", "unit", *names, "ratio", "budget"]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for row in rows:
        ratio = row.ratio()
        budget = f"{row.budget} ({row.verdict()})" if row.verdict() else row.budget
        cells = [row.title, row.unit, *(row.text(name) for name in names), number(ratio) if ratio else "", budget]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def floor_note(rows: dict[str, Row]) -> list[str]:
    """The commands in multiples of the bare interpreter."""
    floor = rows[FLOOR].median("ours") if FLOOR in rows else None
    active = rows.get("systemctl is-active X")
    mine: Optional[float] = active.median("ours") if active else None
    if not floor or not mine:
        return []
    verdict = "kept" if mine <= 3 * floor else "missed"
    return [f"`systemctl is-active` is {mine / floor:.2f} × `{FLOOR}` (budget: 3; {verdict}).", ""]


def update_readme(path: Path, results: Results) -> None:
    """Put the ratios between the markers; add them at the end of the file if they are not there."""
    rows = [row for row in map(results.find, IN_README) if row is not None and row.median("ours") is not None]
    lines = ["| | ours | systemd | ratio |", "|---|---|---|---|"]
    for row in rows:
        ratio = row.ratio()
        cells = [value_with_unit(row, "ours"), value_with_unit(row, "systemd"), number(ratio) if ratio else ""]
        lines.append(f"| {row.title} | " + " | ".join(cells) + " |")
    block = "\n".join([BEGIN, *lines, END])
    text = path.read_text(encoding="utf-8")
    before, found, rest = text.partition(BEGIN)
    if found:
        text = before + block + rest.partition(END)[2]
    else:
        text = (
            f"{text.rstrip()}\n\n## Performance\n\n"
            f"Measured by `make bench`; see [benchmarks/results.md](benchmarks/results.md).\n\n{block}\n"
        )
    path.write_text(text, encoding="utf-8")


def value_with_unit(row: Row, subject: str) -> str:
    """A median as the README shows it."""
    median = row.median(subject)
    return "" if median is None else f"{number(median)} {row.unit}".strip()
