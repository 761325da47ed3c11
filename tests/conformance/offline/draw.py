"""Drawing from alternatives in proportions that can be seen in the code."""

from __future__ import annotations

from typing import TypeVar

from hypothesis import strategies as st

Drawn = TypeVar("Drawn")


def either(*strategies: st.SearchStrategy[Drawn]) -> st.SearchStrategy[Drawn]:
    """Draw each as often as the others. (`one_of` would count the alternatives within each of them.)"""
    return st.integers(0, len(strategies) - 1).flatmap(lambda number: strategies[number])
