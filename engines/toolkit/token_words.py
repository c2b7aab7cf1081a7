"""Words out of Whisper's tokens: with their times, and how sure the model was."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from transformers import WhisperTokenizer
from transformers.convert_slow_tokenizer import bytes_to_unicode
from transformers.models.whisper.tokenization_whisper import LANGUAGES, _combine_tokens_into_words

from engines.api import TranscriptToken, TranscriptWord
from engines.toolkit.transcription_options import bare, logarithm


def scored(
    tokenizer: WhisperTokenizer, tokens: Sequence[int], logprobs: Sequence[float]
) -> Iterator[TranscriptToken]:
    """Give the tokens of text, without times, each with how sure the model was."""
    alphabet = {letter: number for number, letter in bytes_to_unicode().items()}
    for token, logprob in zip(tokens, logprobs, strict=True):
        if token < tokenizer.eos_token_id:
            data = bytes(alphabet[letter] for letter in tokenizer.convert_ids_to_tokens(token))
            yield TranscriptToken(data.decode("utf-8", "replace"), min(0.0, logprob), tuple(data))


def words(
    tokenizer: WhisperTokenizer,
    tokens: Sequence[int],
    logprobs: Sequence[float],
    times: Sequence[float],
    language: str,
) -> Iterator[TranscriptWord]:
    """Give the words of one segment. A token ends at its time, and begins where the one before ends: as the
    library has it.

    A word's probability is the mean of its tokens', as Whisper's own program has it.
    """
    text = [place for place, token in enumerate(tokens) if token < tokenizer.eos_token_id]
    _, _, members = _combine_tokens_into_words(
        tokenizer, [tokens[place] for place in text], LANGUAGES.get(language)
    )
    for member in members:
        places = [text[index] for index in member]
        if word := bare(tokenizer.decode([tokens[place] for place in places])):
            probability = math.fsum(math.exp(logprobs[place]) for place in places) / len(places)
            yield TranscriptWord(
                word, times[max(0, places[0] - 1)], times[places[-1]], logarithm(probability)
            )
