"""What drawn inputs were like. It is printed after each test, and held to minimal shares, so that thin inputs show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

ENOUGH = 100  # inputs; with fewer, shares say nothing


class Coverage:
    """Counts inputs by label. An input may have several labels, or none."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._labels: Counter[str] = Counter()
        self.total = 0

    def add(self, labels: Iterable[str]) -> None:
        """Count one more input."""
        self.total += 1
        self._labels.update(set(labels))

    def share(self, label: str) -> float:
        """The percentage of inputs with the label."""
        return 100 * self._labels[label] / max(self.total, 1)

    def report(self) -> str:
        """A line for each label."""
        lines = [f"{self._what}: {self.total} inputs"]
        lines += [f"{self._what}: {self.share(label):5.1f} % {label}" for label in sorted(self._labels)]
        return "\n".join(lines)

    def require(self, least: Mapping[str, float]) -> None:
        """AssertionError with the report if fewer than `least` per cent of the inputs have a label."""
        if self.total < ENOUGH:
            return
        thin = {label: f"{self.share(label):.1f} %" for label, share in least.items() if self.share(label) < share}
        assert not thin, f"hardly any {thin} (at least {dict(least)})\n{self.report()}"
