"""Tables of commands: columns on a terminal, blocks where it is too narrow for them, tab-separated lines
anywhere else. No name is ever cut.
"""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from gateway.cli.output import print_note
from gateway.config.command_name import as_called_here

if TYPE_CHECKING:  # it takes a while to load, and most commands need none of it
    from rich.console import Console

GAP = 2
"""spaces between two columns; the box has one of them"""
LEAST_TEXT = 16
"""characters that a column of text gets at least, where its cells are longer than that"""
INDENT = "  "

Row = Sequence[str]


class Footnotes:
    """Remarks that many rows share: each is written once, and rows bear its mark."""

    def __init__(self) -> None:
        self._marks: dict[str, str] = {}

    def mark(self, remark: str) -> str:
        """Return the mark of a remark, such as [1]; empty for an empty one."""
        return self._marks.setdefault(remark, f"[{len(self._marks) + 1}]") if remark else ""

    def lines(self) -> list[str]:
        """Return the remarks, each behind its mark."""
        return [f"{mark} {remark}" for remark, mark in self._marks.items()]


def print_table(
    columns: Sequence[str],
    rows: Sequence[Row],
    *,
    whole: Sequence[str] = (),
    spare: Sequence[str] = (),
    notes: Footnotes | None = None,
    empty: str = "",
) -> None:
    """Print rows. The first column and those in `whole` are never broken. On a terminal columns without any
    content are left out, and those in `spare`, in that order, where there is no room for them. Elsewhere each
    row is a line with tabs between, all columns, without a heading, and the footnotes go to standard error.
    `empty` is what to say there where no row is.
    """
    if not rows and empty:
        print_note(empty)
        return
    rows = [[as_called_here(cell) for cell in row] for row in rows]
    if not sys.stdout.isatty():
        for row in rows:
            print("\t".join(" ".join(cell.split()) for cell in row))
        for line in notes.lines() if notes else ():
            print_note(line)
        return
    from rich.console import Console

    console = Console(highlight=False)
    filled = [index for index in range(len(columns)) if not index or any(row[index].strip() for row in rows)]
    left_out: list[str] = []
    for more in ("", *spare):
        left_out += [more] if more in (columns[index] for index in filled) else []
        kept = [index for index in filled if columns[index] not in left_out]
        headings = [columns[index] for index in kept]
        shown = [[" ".join(row[index].split()) for index in kept] for row in rows]
        unbroken = [not place or heading in whole for place, heading in enumerate(headings)]
        if widths := column_widths(headings, shown, unbroken, console.width):
            _print_columns(console, headings, shown, widths)
            break
    else:
        left_out.clear()
        headings = [columns[index] for index in filled]
        _print_blocks(console, headings, [[" ".join(row[index].split()) for index in filled] for row in rows])
    for line in notes.lines() if notes else ():
        print_text(console, line, hanging=" " * (line.find(" ") + 1))
    if left_out:
        print_text(
            console, f"Not shown, for want of room: {', '.join(left_out)} (a wider window, or --json)."
        )


def column_widths(
    headings: Sequence[str], rows: Sequence[Row], unbroken: Sequence[bool], room: int
) -> list[int]:
    """Return the widths of the columns in terminal cells; empty where they do not fit side by side."""
    from rich.cells import cell_len

    columns = [[heading, *cells] for heading, *cells in zip(headings, *rows, strict=True)]
    widths = [max(map(cell_len, column)) for column in columns]
    least = [
        width if fixed else max(_longest_word(column), min(width, LEAST_TEXT))
        for width, fixed, column in zip(widths, unbroken, columns, strict=True)
    ]
    room -= GAP * (len(widths) - 1)
    while sum(widths) > room:
        # the widest of those that may still be narrower loses one
        narrower = [place for place, width in enumerate(widths) if width > least[place]]
        if not narrower:
            return []
        widths[max(narrower, key=widths.__getitem__)] -= 1
    return widths


def print_text(console: Console, text: str, hanging: str = "") -> None:
    """Print a text in lines as wide as the terminal, later ones behind `hanging`; no word is broken."""
    wrapped = textwrap.wrap(
        as_called_here(text),
        console.width,
        subsequent_indent=hanging,
        break_long_words=False,
        break_on_hyphens=False,
    )
    for line in wrapped or [""]:
        console.print(line, markup=False, soft_wrap=True)


def _longest_word(cells: Sequence[str]) -> int:
    from rich.cells import cell_len

    return max(cell_len(word) for cell in cells for word in (cell.split() or [""]))


def _print_columns(
    console: Console, headings: Sequence[str], rows: Sequence[Row], widths: Sequence[int]
) -> None:
    """Print rows side by side below their headings."""
    from rich import box, table, text

    grid = table.Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, GAP - 1, 0, 0))
    for heading, width in zip(headings, widths, strict=True):
        grid.add_column(heading, width=width, overflow="fold")
    for row in rows:
        grid.add_row(*(text.Text(cell) for cell in row))
    console.print(grid, soft_wrap=False, crop=False)


def _print_blocks(console: Console, headings: Sequence[str], rows: Sequence[Row]) -> None:
    """Print each row as its name, with what is known of it below."""
    for name, *cells in rows:
        console.print(name, markup=False, style="bold", soft_wrap=True)
        facts = [f"{heading}: {cell}" for heading, cell in zip(headings[1:], cells, strict=True) if cell]
        if facts:
            print_text(console, INDENT + "; ".join(facts), hanging=INDENT)
