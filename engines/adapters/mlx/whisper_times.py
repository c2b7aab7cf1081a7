"""When each token of a window was said, by mlx-audio's own alignment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import mlx.core as mx
from mlx_audio.stt.models.whisper.timing import find_alignment
from mlx_audio.stt.models.whisper.whisper import HFTokenizerWrapper


class EncodedModel:
    """What the library's alignment asks of a model, for a window that is encoded already."""

    def __init__(self, decoder: Any, features: mx.array, heads: mx.array) -> None:  # noqa: ANN401 - without types
        self._decoder = decoder
        self._features = features
        self.alignment_heads = heads

    def forward_with_cross_qk(self, _mel: object, tokens: mx.array) -> tuple[mx.array, list[mx.array]]:
        """Return the scores of tokens, and where each looks."""
        logits, _, looks = self._decoder(tokens, self._features)
        return logits, looks


class TokenByToken(HFTokenizerWrapper):  # type: ignore[misc]  # a class without types
    """The library's tokenizer, to which each token is a word."""

    def split_to_word_tokens(self, tokens: list[int]) -> tuple[list[str], list[list[int]]]:
        """Return the words of tokens, and the tokens of each."""
        return [str(token) for token in tokens], [[token] for token in tokens]


def token_times(
    network: Any,  # noqa: ANN401 - the library's class has no types
    heads: mx.array,
    features: mx.array,
    frames: int,
    tokens: Sequence[int],
    tokenizer: HFTokenizerWrapper,
) -> list[float]:
    """Return when each token ends, in seconds from the start of the window; a token of a time ends when the
    text before it does, or when the text behind it begins.
    """
    spoken = [index for index, token in enumerate(tokens) if token < tokenizer.eot]
    single = TokenByToken(
        tokenizer.hf_tokenizer, tokenizer.multilingual, language=tokenizer.language, task=tokenizer.task
    )
    model = EncodedModel(network.decoder, features, heads)
    # the spectrum is asked for its encoding only
    found = find_alignment(model, single, [tokens[index] for index in spoken], features[0], frames)
    starts = {index: float(one.start) for index, one in zip(spoken, found, strict=True)}
    ends = {index: float(one.end) for index, one in zip(spoken, found, strict=True)}
    times: list[float] = []
    for index in range(len(tokens)):
        before = times[-1] if times else 0.0
        times.append(ends.get(index, starts.get(index + 1, before)))
    return times
