"""Draw the next codes of several members at once, each with its own settings and random numbers.

A member among others draws what it would draw alone: its numbers are its own, and on a processor they are, to
the bit, those that the library's `generate` would have drawn after `torch.manual_seed` of the same seed.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import torch
from torch import Tensor

from engines.adapters.qwen3_tts import request_options
from engines.api import Settings, SettingValue

NO_CODE = -1
"""in the place of a code where the network computed no numbers"""


class Drawing(msgspec.Struct, frozen=True):
    """How a code is drawn; a temperature of 0 takes the likeliest."""

    temperature: float
    top_k: int
    top_p: float

    @property
    def is_greedy(self) -> bool:
        """Whether nothing is left to chance."""
        return self.temperature == 0


class Sampling(msgspec.Struct, frozen=True):
    """How the codes of a frame are drawn."""

    first: Drawing
    """of the code that carries what is said"""
    detail: Drawing
    """of those that carry how it sounds"""
    repetition_penalty: float


def sampling_of(settings: Settings, usual: Settings) -> Sampling:
    """Return how a job's codes are drawn: its own settings, and the usual ones where it has none."""

    def number(name: str) -> float:
        value: SettingValue = settings.get(name, usual[name])
        return float(value)

    def drawing(temperature: str, top_k: str, top_p: str) -> Drawing:
        return Drawing(number(temperature), int(number(top_k)), number(top_p))

    names = request_options
    return Sampling(
        drawing(names.TEMPERATURE, names.TOP_K, names.TOP_P),
        drawing(names.DETAIL_TEMPERATURE, names.DETAIL_TOP_K, names.DETAIL_TOP_P),
        number(names.REPETITION_PENALTY),
    )


class Noise:
    """The random numbers of one job."""

    def __init__(self, seed: int, device: torch.device) -> None:
        self._generator = torch.Generator(device).manual_seed(seed)

    def draw(self, count: int, codes: int) -> Tensor:
        """Return numbers of an exponential distribution, [count, codes], for so many draws of a code.

        On a processor each draw takes its own from the generator, as `torch.multinomial` does.
        """
        device = self._generator.device
        if device.type != "cpu":
            return torch.empty(count, codes, device=device).exponential_(generator=self._generator)
        rows = [torch.empty(1, codes).exponential_(generator=self._generator) for _ in range(count)]
        return torch.cat(rows)


def draw_noise(noise: Noise, drawing: Drawing, count: int, codes: int, device: torch.device) -> Tensor:
    """Return what `choose` divides by, [count, codes]: ones where nothing is left to chance."""
    return torch.ones(count, codes, device=device) if drawing.is_greedy else noise.draw(count, codes)


def penalise(scores: Tensor, seen: Tensor, penalties: Sequence[float]) -> Tensor:
    """Return scores, [members, codes], with those of the codes that were `seen` less likely (CTRL's way)."""
    penalty = _column(penalties, scores)
    less = torch.where(scores < 0, scores * penalty, scores / penalty)
    return torch.where(seen, less, scores)


def choose(scores: Tensor, drawings: Sequence[Drawing], noise: Tensor) -> Tensor:
    """Return a code for each member, [members]; NO_CODE where its scores are no numbers.

    `scores` and `noise` are [members, codes]. The limits are applied as transformers applies them: first the
    temperature, then `top_k`, then `top_p`.
    """
    scores = scores / _column([drawing.temperature or 1.0 for drawing in drawings], scores)
    scores = _within_top_k(scores, [drawing.top_k for drawing in drawings])
    if any(drawing.top_p < 1 for drawing in drawings):
        scores = _within_top_p(scores, [drawing.top_p for drawing in drawings])
    chances = scores.softmax(-1)
    chosen = (chances / noise).argmax(-1)
    return torch.where(chances.isnan().any(-1), NO_CODE, chosen)


def _within_top_k(scores: Tensor, limits: Sequence[int]) -> Tensor:
    """Return scores of which only the highest are left, as many as each member's limit; 0 is none."""
    codes = scores.shape[-1]
    counts = [min(limit or codes, codes) for limit in limits]
    highest = scores.topk(max(counts), dim=-1).values
    places = torch.tensor(counts, device=scores.device)[:, None] - 1
    return scores.masked_fill(scores < highest.gather(-1, places), -torch.inf)


def _within_top_p(scores: Tensor, shares: Sequence[float]) -> Tensor:
    """Return scores of which only the highest are left that have each member's share of probability."""
    ordered, places = scores.sort(dim=-1)
    removed = ordered.softmax(-1).cumsum(-1) <= 1 - _column(shares, scores)
    removed[..., -1] = False
    return scores.masked_fill(removed.scatter(-1, places, removed), -torch.inf)


def _column(values: Sequence[float], like: Tensor) -> Tensor:
    return torch.tensor(values, device=like.device, dtype=like.dtype)[:, None]
