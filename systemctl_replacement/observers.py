"""Telling whoever wants to know: what stands below says what has happened, and knows nobody above it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Generic, TypeVar

    News = TypeVar("News")
else:
    News = object

    class Generic:  # without the module typing
        def __class_getitem__(cls, _parameters):
            return cls


class Observers(Generic[News]):
    """Functions that are told the same news, in the order in which they were added.

    guard: calls a function, and sees to it that its defect costs nobody else anything (`Loop.guard`).
    """

    def __init__(self, guard: Callable[..., object]) -> None:
        self._guard = guard
        self._observers: list[Callable[[News], object]] = []

    def add(self, observer: Callable[[News], object]) -> None:
        self._observers.append(observer)

    def remove(self, observer: Callable[[News], object]) -> None:
        """Tell it nothing more. Nothing happens if it is none of the observers."""
        if observer in self._observers:
            self._observers.remove(observer)

    def tell(self, news: News) -> None:
        """Who is added meanwhile hears the next news."""
        for observer in list(self._observers):
            self._guard(observer, news)
