"""One window of a recording through faster-whisper.

The library transcribes a whole recording. Here it is given one window at a time, with what was said before as its prompt, as it
does inside that call; so the first window can be heard while the recording still comes in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import ctranslate2
import numpy as np
from faster_whisper import WhisperModel
from faster_whisper.transcribe import Segment
from faster_whisper.utils import get_end
from numpy.typing import NDArray

FRAMES_PER_SECOND = 100


class WindowOver(Exception):
    """The library would go on within the window; what is left of it is to be heard with what follows."""


class Model(WhisperModel):  # type: ignore[misc]  # a class without types
    """The library's model, which also tells how much of a window it heard."""

    step: Callable[[], None] = staticmethod(lambda: None)
    """called before the encoder and the decoder; what it raises ends the work"""
    language = ""
    """the code of the language that was found out, or given"""
    _decoded = False
    _cut: tuple[list[dict[str, Any]], int, bool] | None = None

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages' codes; none where it knows only English."""
        known = self.supported_languages if self.model.is_multilingual else ()
        return tuple(code for code in known if self.hf_tokenizer.token_to_id(f"<|{code}|>") is not None)

    def tokens(self, text: str) -> list[int]:
        """Make tokens of a prompt; names of control tokens in it are left out."""
        end = self.hf_tokenizer.token_to_id("<|endoftext|>")
        made = self.hf_tokenizer.encode(" " + text.strip(), add_special_tokens=False).ids if text.strip() else []
        return [token for token in made if token < end]

    def hear(self, samples: NDArray[np.float32], **options: object) -> Iterator[Segment]:
        """Hear a window, segment by segment; `heard` and `language` are known after the last."""
        self._decoded, self._cut = False, None
        segments, info = self.transcribe(samples, **options)
        self.language = str(info.language)
        try:
            yield from segments
        except WindowOver:
            return

    @property
    def heard(self) -> float | None:
        """Seconds of the window that were heard; None for all of it."""
        if self._cut is None:
            return None
        segments, frames, all_heard = self._cut
        if all_heard or "words" not in segments[-1]:
            return frames / FRAMES_PER_SECOND
        return float(get_end(segments)) or frames / FRAMES_PER_SECOND

    def encode(self, features: NDArray[np.float32]) -> ctranslate2.StorageView:
        """Encode the window. Raises WindowOver at the next one."""
        if self._decoded:
            raise WindowOver
        self.step()
        return super().encode(features)

    def generate_with_fallback(self, *args: object) -> object:
        """Decode the window."""
        self._decoded = True
        self.step()
        return super().generate_with_fallback(*args)

    def _split_segments_by_timestamps(self, **kwargs: object) -> object:
        self._cut = super()._split_segments_by_timestamps(**kwargs)
        return self._cut
