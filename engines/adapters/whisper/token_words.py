"""Words and tokens of a transcript out of Whisper's tokens: with their times and log-probabilities."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from transformers import WhisperTokenizer
from transformers.convert_slow_tokenizer import bytes_to_unicode
from transformers.models.whisper.tokenization_whisper import LANGUAGES, _combine_tokens_into_words

from engines.api import TranscriptToken, TranscriptWord
from engines.toolkit.transcript_words import log_probability, strip_punctuation


def transcript_tokens(
    tokenizer: WhisperTokenizer, tokens: Sequence[int], logprobs: Sequence[float]
) -> Iterator[TranscriptToken]:
    """Yield the tokens of text, without those of times, each with its log-probability."""
    alphabet = {letter: number for number, letter in bytes_to_unicode().items()}
    for token, logprob in zip(tokens, logprobs, strict=True):
        if token < tokenizer.eos_token_id:
            data = bytes(alphabet[letter] for letter in tokenizer.convert_ids_to_tokens(token))
            yield TranscriptToken(data.decode("utf-8", "replace"), min(0.0, logprob), tuple(data))


def transcript_words(
    tokenizer: WhisperTokenizer,
    tokens: Sequence[int],
    logprobs: Sequence[float],
    times: Sequence[float],
    language: str,
) -> Iterator[TranscriptWord]:
    """Yield the words of one segment; `times` is when each token ends.

    A token begins where the one before ends, as the library has it. A word's probability is the mean of its
    tokens', as Whisper's own program has it.
    """
    text_indices = [index for index, token in enumerate(tokens) if token < tokenizer.eos_token_id]
    _, _, words = _combine_tokens_into_words(
        tokenizer, [tokens[index] for index in text_indices], LANGUAGES.get(language)
    )
    for word_tokens in words:
        indices = [text_indices[position] for position in word_tokens]
        if word := strip_punctuation(tokenizer.decode([tokens[index] for index in indices])):
            probability = math.fsum(math.exp(logprobs[index]) for index in indices) / len(indices)
            start = times[max(0, indices[0] - 1)]
            yield TranscriptWord(word, start, times[indices[-1]], log_probability(probability))
