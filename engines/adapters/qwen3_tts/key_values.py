"""The keys and values of the network that speaks, for all members: a row each, always the first rows.

A step needs them together, and members come and go: so they lie in one tensor a layer, in which the last row
takes the place of one that leaves. Room is made as it is needed, and given back when nobody is left.
"""

from __future__ import annotations

import msgspec
import torch
from torch import Tensor

LENGTH_STEP = 256
"""positions by which rows become longer: 20 seconds of speech"""


class Layout(msgspec.Struct, frozen=True, eq=False):
    """What the keys and values of a network look like."""

    layers: int
    heads: int
    width: int
    dtype: torch.dtype
    device: torch.device


class Row:
    """A member's row."""

    def __init__(self, number: int) -> None:
        self.number = number
        """which changes when another member leaves"""
        self.length = 0
        """positions that are filled"""


class KeyValues:
    """The rows of all members; tensors are [rows, heads, positions, width], one of keys and one of values a
    layer.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._rows: list[Row] = []
        self._keys: list[Tensor] = []
        self._values: list[Tensor] = []

    @property
    def rows(self) -> list[Row]:
        """The rows of all members, in order."""
        return self._rows

    @property
    def held_bytes(self) -> int:
        """How much memory it takes."""
        return sum(tensor.nbytes for tensor in (*self._keys, *self._values))

    def add(self) -> Row:
        """Return the row of a new member."""
        row = Row(len(self._rows))
        self._rows.append(row)
        return row

    def remove(self, row: Row) -> None:
        """Give a row back; the last one takes its place."""
        last = self._rows.pop()
        if last is not row:
            for tensor in (*self._keys, *self._values):
                tensor[row.number, :, : last.length] = tensor[last.number, :, : last.length]
            last.number = row.number
            self._rows[row.number] = last
        if not self._rows:
            self._keys, self._values = [], []

    def fill(self, row: Row, length: int) -> FirstPass:
        """Return the cache for the first positions of a member, which are computed at once."""
        row.length = length
        self._make_room()
        return FirstPass(self._keys, self._values, row.number)

    def extend(self) -> NextPosition:
        """Return the cache for one more position of every member."""
        for row in self._rows:
            row.length += 1
        self._make_room()
        lengths = torch.tensor([row.length for row in self._rows], device=self._layout.device)
        return NextPosition(self._keys, self._values, lengths - 1, max(row.length for row in self._rows))

    def _make_room(self) -> None:
        longest = max(row.length for row in self._rows)
        count, length = len(self._rows), -(-longest // LENGTH_STEP) * LENGTH_STEP
        had = self._keys[0].shape if self._keys else (0, 0, 0, 0)
        if count <= had[0] and length <= had[2]:
            return
        rows = max(had[0], count if count <= 1 else 1 << (count - 1).bit_length())
        shape = (rows, self._layout.heads, max(had[2], length), self._layout.width)
        self._keys = self._larger(self._keys, shape)
        self._values = self._larger(self._values, shape)

    def _larger(self, tensors: list[Tensor], shape: tuple[int, ...]) -> list[Tensor]:
        layout = self._layout
        larger = []
        for layer in range(layout.layers):
            # zeros, as what is no number would spoil what it is masked out of
            larger.append(torch.zeros(shape, dtype=layout.dtype, device=layout.device))
            if tensors:
                before = tensors[layer]
                larger[-1][: before.shape[0], :, : before.shape[2]] = before
        return larger


class FirstPass:
    """The cache of one row's first positions, as the library's attention calls it."""

    def __init__(self, keys: list[Tensor], values: list[Tensor], row: int) -> None:
        self._keys = keys
        self._values = values
        self._row = row

    def update(self, keys: Tensor, values: Tensor, layer: int, _more: object = None) -> tuple[Tensor, Tensor]:
        """Keep a layer's keys and values, [1, heads, positions, width], and return them."""
        length = keys.shape[2]
        self._keys[layer][self._row, :, :length] = keys[0]
        self._values[layer][self._row, :, :length] = values[0]
        return keys, values


class NextPosition:
    """The cache of one more position in every row, as the library's attention calls it."""

    def __init__(self, keys: list[Tensor], values: list[Tensor], positions: Tensor, longest: int) -> None:
        self._keys = keys
        self._values = values
        self._longest = longest
        self.positions = positions
        """of each row, where the new keys and values go"""
        self._numbers = torch.arange(len(positions), device=positions.device)

    def mask(self, dtype: torch.dtype) -> Tensor:
        """Return what is added to the scores of attention, [rows, 1, 1, positions]: rows differ in length."""
        beyond = torch.arange(self._longest, device=self.positions.device) > self.positions[:, None]
        zeros = torch.zeros(beyond.shape, dtype=dtype, device=beyond.device)
        return zeros.masked_fill(beyond, -torch.inf)[:, None, None]

    def update(self, keys: Tensor, values: Tensor, layer: int, _more: object = None) -> tuple[Tensor, Tensor]:
        """Keep a layer's keys and values, [rows, heads, 1, width], and return those of all positions."""
        count = len(self._numbers)
        self._keys[layer][self._numbers, :, self.positions] = keys[:, :, 0]
        self._values[layer][self._numbers, :, self.positions] = values[:, :, 0]
        return self._keys[layer][:count, :, : self._longest], self._values[layer][:count, :, : self._longest]
