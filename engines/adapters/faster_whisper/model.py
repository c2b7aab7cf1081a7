"""One window of a recording through faster-whisper.

The library transcribes a whole recording. Here it is given one window at a time, with what was said before as
its prompt, as it does inside that call; so the first window can be heard while the recording still comes in.

Each call of CTranslate2 takes seconds, with a large model on a CPU a minute, and a window takes up to a dozen
of them. None can be broken off, nor tells how far it is. So they take place in a thread of their own, and the
engine's thread stays free to tell that it is at work, and to hear that nobody wants the rest.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from functools import partial
from typing import Any

import ctranslate2
import numpy as np
from faster_whisper import WhisperModel
from faster_whisper.transcribe import Segment
from faster_whisper.utils import get_end
from numpy.typing import NDArray

FRAMES_PER_SECOND = 100
CALLS = ("encode", "detect_language", "generate", "align")
"""of CTranslate2's model: those that take long"""
BEAT = 0.5
"""seconds between two steps while a call takes place"""
LONGEST_CALL = 600.0
"""seconds; a call that takes longer has hung: there are no more steps, and the gateway will miss them"""


class WindowOver(Exception):
    """The library would go on within the window; what is left of it is to be heard with what follows."""


class Stepping:
    """CTranslate2's model. `step` is called before each of its calls, and while one takes place.

    What `step` raises is raised at once. The call that it leaves behind goes on by itself; the next one comes
    after it.
    """

    def __init__(self, model: Any, step: Callable[[], None]) -> None:  # noqa: ANN401 - a class without types
        self._model, self._step = model, step
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ctranslate2")

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the model has
        found = getattr(self._model, name)
        return partial(self._call, found) if name in CALLS else found

    def _call(self, work: Callable[..., object], *args: object, **options: object) -> object:
        self._step()
        going, began = self._thread.submit(work, *args, **options), time.monotonic()
        try:
            while not wait([going], BEAT).done and time.monotonic() - began < LONGEST_CALL:
                self._step()
            return going.result()
        finally:
            going.cancel()  # what has not begun need not


class Model(WhisperModel):  # type: ignore[misc]  # a class without types
    """The library's model, which also tells how much of a window it heard."""

    step: Callable[[], None] = staticmethod(lambda: None)
    """called before and during each of the calls that take long; what it raises ends the work"""
    language = ""
    """the code of the language that was found out, or given"""
    _decoded = False
    _cut: tuple[list[dict[str, Any]], int, bool] | None = None

    def __init__(self, folder: str, **options: object) -> None:
        super().__init__(folder, **options)
        self.model: Any = Stepping(self.model, lambda: self.step())

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages' codes; none where it knows only English."""
        known = self.supported_languages if self.model.is_multilingual else ()
        return tuple(code for code in known if self.hf_tokenizer.token_to_id(f"<|{code}|>") is not None)

    def tokens(self, text: str) -> list[int]:
        """Make tokens of a prompt; names of control tokens in it are left out."""
        end = self.hf_tokenizer.token_to_id("<|endoftext|>")
        made = (
            self.hf_tokenizer.encode(" " + text.strip(), add_special_tokens=False).ids if text.strip() else []
        )
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
        return super().encode(features)

    def generate_with_fallback(self, *args: object) -> object:
        """Decode the window."""
        self._decoded = True
        return super().generate_with_fallback(*args)

    def _split_segments_by_timestamps(self, **kwargs: object) -> object:
        self._cut = super()._split_segments_by_timestamps(**kwargs)
        return self._cut
