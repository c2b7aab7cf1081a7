"""One window of a recording through faster-whisper.

The library transcribes a whole recording. Here it is given one window at a time, with the text before as its
prompt, as it does inside that call; so the first window can be transcribed while the recording still comes
in.

Each call of CTranslate2 takes seconds, with a large model on a CPU a minute, and a window takes up to a dozen
of them. None can be broken off, nor says how far it is. So they run in a thread of their own, and the
engine's thread stays free to report progress, and to stop once nobody wants the rest.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from functools import partial
from typing import Any

import ctranslate2
from faster_whisper import WhisperModel
from faster_whisper.transcribe import Segment
from faster_whisper.utils import get_end

from engines.toolkit.stopping import BeatHook
from engines.toolkit.vad import Floats

FRAMES_PER_SECOND = 100
LONG_CALLS = ("encode", "detect_language", "generate", "align")
"""methods of CTranslate2's model that take long"""
STOP_CHECK_SECONDS = 0.5
"""from one check to the next while a call runs"""
MAX_CALL_SECONDS = 600.0
"""a call that takes longer has hung: there are no more signs, which the gateway misses"""


class EndOfWindow(Exception):
    """The library would go on within the window; what is left of it belongs to the next window."""


class InterruptibleModel:
    """CTranslate2's model, with a check before each of its calls, and while one runs.

    What the check raises is raised at once. The call that it leaves behind goes on by itself; the next one
    comes after it.
    """

    def __init__(self, model: Any, check: Callable[[], None]) -> None:  # noqa: ANN401 - a class without types
        self._model = model
        self._check = check
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ctranslate2")

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the model has
        attribute = getattr(self._model, name)
        return partial(self._call, attribute) if name in LONG_CALLS else attribute

    def _call(self, function: Callable[..., object], *args: object, **options: object) -> object:
        self._check()
        call = self._thread.submit(function, *args, **options)
        started = time.monotonic()
        try:
            while not wait([call], STOP_CHECK_SECONDS).done and time.monotonic() - started < MAX_CALL_SECONDS:
                self._check()
            return call.result()
        finally:
            call.cancel()  # what has not begun need not


class WindowModel(WhisperModel):  # type: ignore[misc]  # a class without types
    """The library's model, which also keeps how much of a window it transcribed."""

    language = ""
    """the code of the language that was detected, or given"""
    _is_decoded = False
    _split: tuple[list[dict[str, Any]], int, bool] | None = None
    """the window's segments, the frames that they cover, and whether the last is whole"""

    def __init__(self, folder: str, **options: object) -> None:
        super().__init__(folder, **options)
        self.hook = BeatHook()
        """called before and during each of the calls that take long; what it raises ends the work"""
        self.model: Any = InterruptibleModel(self.model, self.hook)

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages' codes; none where it knows only English."""
        codes = self.supported_languages if self.model.is_multilingual else ()
        return tuple(code for code in codes if self.hf_tokenizer.token_to_id(f"<|{code}|>") is not None)

    def prompt_tokens(self, text: str) -> list[int]:
        """Return the tokens of a prompt; names of control tokens in it are left out."""
        if not text.strip():
            return []
        end = self.hf_tokenizer.token_to_id("<|endoftext|>")
        tokens = self.hf_tokenizer.encode(" " + text.strip(), add_special_tokens=False).ids
        return [token for token in tokens if token < end]

    def transcribe_window(self, samples: Floats, **options: object) -> Iterator[Segment]:
        """Yield the segments of a window.

        `transcribed_seconds` and `language` are known after the last.
        """
        self._is_decoded = False
        self._split = None
        segments, info = self.transcribe(samples, **options)
        self.language = str(info.language)
        try:
            yield from segments
        except EndOfWindow:
            return

    @property
    def transcribed_seconds(self) -> float | None:
        """Seconds of the window that its segments cover; None for all of it."""
        if self._split is None:
            return None
        segments, frames, is_whole = self._split
        if is_whole or "words" not in segments[-1]:
            return frames / FRAMES_PER_SECOND
        return float(get_end(segments)) or frames / FRAMES_PER_SECOND

    def encode(self, features: Floats) -> ctranslate2.StorageView:
        """Encode the window. Raises EndOfWindow where that is done."""
        if self._is_decoded:
            raise EndOfWindow
        return super().encode(features)

    def generate_with_fallback(self, *args: object) -> object:
        """Decode the window."""
        self._is_decoded = True
        return super().generate_with_fallback(*args)

    def _split_segments_by_timestamps(self, **kwargs: object) -> object:
        self._split = super()._split_segments_by_timestamps(**kwargs)
        return self._split
