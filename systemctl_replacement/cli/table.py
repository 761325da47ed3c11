"""Tables as systemctl prints them: how wide each column is, what is cut where the terminal is narrow, and the colours.

On a terminal that is too narrow every column shrinks by the number of its rows' claims, which are all the same: none
gets more than it asks for, and what it does not need goes to the others.
"""

from __future__ import annotations

from systemctl_replacement.columns import columns, shortened
from systemctl_replacement.records import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from systemctl_replacement.cli.terminal import Terminal

_FILLER = "-"  # what stands for a value that there is none of


@dataclass(frozen=True)
class Cell:
    """A text, of several lines perhaps, with its colour. spreads: the gap to the next column has the colour, too."""

    text: str
    color: str = ""
    underlined: bool = False
    spreads: bool = True

    def draw(self, text: str, terminal: Terminal) -> str:
        """A text in the colour of the cell."""
        return terminal.styled(text, self.color, underlined=self.underlined)


_NO_VALUE = Cell(_FILLER, "grey", spreads=False)


def table_lines(
    head: Sequence[str], rows: Sequence[Sequence[Cell | str | None]], terminal: Terminal, *, legend: bool, cuts: bool
) -> Iterator[str]:
    """The lines of a table. legend: the first one names the columns. cuts: it is as wide as the terminal at most."""
    titles = [Cell(title, "", underlined=True) for title in head]
    body = [[_cell(value) for value in row] for row in rows]
    measured = [titles, *body] if legend else body
    if not measured:
        return
    wanted = [max(_width(row[column].text) for row in measured) for column in range(len(head))]
    widths = _fitted(wanted, terminal.columns) if cuts else wanted
    mark = terminal.glyph("ellipsis")
    if legend:
        # The gaps of this line belong to the titles after them.
        texts = [_padded(cell.text, width, mark) for cell, width in zip(titles, widths)]
        cells = [cell.draw(f" {text}" if at else text, terminal) for at, (cell, text) in enumerate(zip(titles, texts))]
        yield "".join(cells) if terminal.colors else " ".join(texts).rstrip(" ")
    for row in body:
        parts = [cell.text.split("\n") for cell in row]
        for number in range(max(map(len, parts))):
            line = [part[number] if number < len(part) else "" for part in parts]
            yield _line(row, line, widths, mark, terminal)


def ends_of_types(names: Sequence[str]) -> list[bool]:
    """Of each unit in a table whether one of another type follows: systemctl underlines such rows."""
    types = [name.rpartition(".")[2] for name in names]
    return [following not in ("", own) for own, following in zip(types, [*types[1:], ""])]


def _cell(value: Cell | str | None) -> Cell:
    if value is None:
        return _NO_VALUE
    return value if isinstance(value, Cell) else Cell(value)


def _line(row: Sequence[Cell], texts: Sequence[str], widths: Sequence[int], mark: str, terminal: Terminal) -> str:
    drawn = []
    for at, (cell, text, width) in enumerate(zip(row, texts, widths)):
        text = _padded(text, width, mark)
        if at == len(row) - 1 and not (terminal.colors and (cell.color or cell.underlined)):
            text = text.rstrip(" ")
        drawn.append(cell.draw(text, terminal))
        if at < len(row) - 1:
            drawn.append(cell.draw(" ", terminal) if cell.spreads else " ")
    return "".join(drawn)


def _fitted(wanted: Sequence[int], available: int) -> list[int]:
    """The widths of columns that have to share so many, with one between two of them."""
    count = len(wanted)
    if sum(wanted) + count - 1 <= available:
        return list(wanted)
    extra = max(available - (count - 1) - count, 0)  # each has at least one
    widths = [0] * count
    left, last_round = count, False
    while left:
        gave = False
        for column in range(count):
            if widths[column]:
                continue
            width = 1 + extra // left
            if width >= wanted[column]:
                width, gave = wanted[column], True
            elif not last_round:
                continue
            widths[column] = width
            extra -= width - 1
            left -= 1
            if gave and not last_round:
                break
        last_round = not gave
    return widths


def _width(text: str) -> int:
    if "\n" in text:
        return max(map(_width, text.split("\n")))
    return len(text) if text.isascii() else sum(map(columns, text))


def _padded(text: str, width: int, mark: str) -> str:
    text = shortened(text, width, 100, mark)
    return text + " " * (width - _width(text))
