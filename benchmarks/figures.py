"""Samples by row and subject, and what is made of them: medians, spreads, ratios to systemd."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from typing import Any, Callable, Optional

Say = Callable[[str], None]


@dataclass
class Row:
    """One figure for every subject that has it."""

    title: str
    unit: str
    budget: str = ""  # the budget of docs/design.md, as text
    limit: Optional[float] = None  # the same as a highest ratio to the reference
    reference: str = "systemd"  # or a subject of this row
    more_is_better: bool = False
    samples: dict[str, list[float]] = field(default_factory=dict)

    def add(self, subject: str, value: float) -> None:
        """Add one measurement."""
        self.samples.setdefault(subject, []).append(value)

    def median(self, subject: str) -> Optional[float]:
        values = self.samples.get(subject)
        return statistics.median(values) if values else None

    def ratio(self, subject: str = "ours") -> Optional[float]:
        """The ratio to the reference."""
        mine, theirs = self.median(subject), self.median(self.reference)
        return mine / theirs if mine is not None and theirs else None

    def verdict(self) -> str:
        """Whether the budget is kept, "" if it is not a ratio."""
        ratio = self.ratio()
        if self.limit is None or ratio is None:
            return ""
        kept = ratio >= self.limit if self.more_is_better else ratio <= self.limit
        return "kept" if kept else "missed"

    def text(self, subject: str) -> str:
        """Median and spread: "12.3 (11.9…13.0)"; the spread is from the lowest to the highest sample."""
        values = self.samples.get(subject)
        if not values:
            return ""
        median = number(statistics.median(values))
        low, high = number(min(values)), number(max(values))
        return median if low == high else f"{median} ({low}…{high})"


def number(value: float) -> str:
    """Three significant digits, no exponent."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


class Results:
    """The rows of a run, by section, in the order in which they were first named."""

    def __init__(self) -> None:
        self.sections: dict[str, dict[str, Row]] = {}

    def row(self, section: str, title: str, unit: str, **about: Any) -> Row:
        """The row with this title, created for the first sample."""
        rows = self.sections.setdefault(section, {})
        if title not in rows:
            rows[title] = Row(title, unit, **about)
        return rows[title]

    def find(self, title: str) -> Optional[Row]:
        for rows in self.sections.values():
            if title in rows:
                return rows[title]
        return None
