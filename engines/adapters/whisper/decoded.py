"""What a Whisper makes of a window of a recording, whatever library computes it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import msgspec

from engines.toolkit.windows import Window


class Attempt(msgspec.Struct, frozen=True):
    """How the last result for a window came to be."""

    temperature: float
    avg_logprob: float
    """mean over the tokens, the end included"""
    no_speech_prob: float
    is_dropped: bool


class DecodedSegment(msgspec.Struct, frozen=True):
    """A segment as the model gave it. Times are seconds from the start of its window."""

    start: float
    end: float
    tokens: tuple[int, ...]
    logprobs: tuple[float, ...]
    token_times: tuple[float, ...] = ()
    """when each token ends, where asked for"""


class DecodedWindow(msgspec.Struct, frozen=True):
    """The segments of a window."""

    segments: tuple[DecodedSegment, ...]
    attempt: Attempt
    seconds: float
    """how much of the window they cover; the rest belongs to the next window"""


class WindowModel(Protocol):
    """A Whisper checkpoint, loaded. One thread at a time."""

    tokenizer: Any
    """transformers' own"""
    is_multilingual: bool
    is_aligned: bool
    """whether it finds the times of words"""

    @property
    def languages(self) -> tuple[str, ...]:
        """The model's own language codes; none where it knows only English."""
        ...

    def prompt_tokens(self, text: str) -> list[int]:
        """Return the tokens of a prompt; names of control tokens in it are left out."""
        ...

    def text_tokens(self, tokens: Sequence[int]) -> list[int]:
        """Return the tokens of text among tokens, without those of times and control tokens."""
        ...

    def begin_recording(self) -> None:
        """Reset what depends on the recording so far: its loudness, and the random numbers."""
        ...

    def encode(self, window: Window) -> Any:  # noqa: ANN401 - each library's own
        """Run a window through the encoder."""
        ...

    def detect_language(self, window: Any) -> str:  # noqa: ANN401 - what `encode` returned
        """Return the model's own code of the language that is spoken in a window."""
        ...

    def decode(
        self,
        window: Any,  # noqa: ANN401 - what `encode` returned
        tokens_before: Sequence[int],
        temperatures: Sequence[float],
        *,
        token_times: bool,
        **options: str,
    ) -> DecodedWindow:
        """Transcribe a window.

        `tokens_before` are those of the text before, `temperatures` are tried in turn; options are language
        and task.
        """
        ...

    def is_followed(self, segment: DecodedSegment) -> bool:
        """Tell whether a segment follows that the window cuts off: the last token is its beginning."""
        ...
