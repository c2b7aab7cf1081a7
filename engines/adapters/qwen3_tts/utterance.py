"""What is known of one text that is being spoken, between two frames."""

from __future__ import annotations

import torch
from torch import Tensor

from engines.adapters.qwen3_tts.key_values import Row
from engines.adapters.qwen3_tts.sampling import Noise, Sampling

FEWEST_FRAMES = 2
"""before which no text ends, as the library has it"""


class Utterance:
    """One text that is being spoken."""

    def __init__(self, row: Row, sampling: Sampling, noise: Noise, text: Tensor, padding: Tensor) -> None:
        self.row = row
        self.sampling = sampling
        self.noise = noise
        self.scores = torch.empty(0)
        """of the next code, [codes]"""
        self.hidden = torch.empty(0)
        """what the network made of the frame before, [width]"""
        self.seen = torch.empty(0)
        """the codes that there were, [codes], true or false"""
        self.frames = 0
        """that there are so far"""
        self._text = text
        """what of the text is told with each frame, [frames, width]"""
        self._padding = padding
        """what is told when all of it was, [width]"""

    @property
    def may_end(self) -> bool:
        """Whether the text may end before the next frame."""
        return self.frames >= FEWEST_FRAMES

    def next_text(self) -> Tensor:
        """Return what of the text is told with the frame at hand, [width]."""
        return self._text[self.frames] if self.frames < len(self._text) else self._padding
