"""Both of Chatterbox's networks, step for step as the library's `generate` runs them: a text's tokens of
speech, the sound of these, and the watermark; but nothing of a voice is kept in the model, and the end is
watched.

A job gets only so many tokens as its text can take. A network that does not end its speech by then has run
away: that is told before its sound is made, which takes longer.
"""

from __future__ import annotations

import math
import re
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from engines.adapters.chatterbox.alignment import repeated_tokens
from engines.adapters.chatterbox.conditioning import VOCABULARY, Conditioning
from engines.adapters.chatterbox.library import Library
from engines.adapters.chatterbox.request_options import (
    CFG,
    EXAGGERATION,
    MIN_P,
    MULTILINGUAL,
    REPETITION,
    TEMPERATURE,
    TOP_K,
    TOP_P,
    TURBO,
    sound_marks,
)
from engines.adapters.chatterbox.tail import quickest_seconds, without_tail
from engines.adapters.chatterbox.voice_files import LANGUAGES
from engines.api import CloningCapabilities, RequestOptions, SpeechJob
from engines.errors import BadInput, RunawayAudio
from engines.languages import primary_language

TOKENS_PER_SECOND = 25
MOST_TOKENS = 1000
"""that the library makes of any text"""
BASE_SECONDS = 5.0
"""that any text may take"""
SECONDS_PER_CHARACTER = 0.25
"""that each character may take besides"""
SECONDS_PER_WORD_SIGN = 0.75
"""likewise of a digit, and of a script that writes syllables or words"""
FIRST_WORD_SIGN = "\u1100"
"""from this character on, nearly: Hangul, kana, ideographs"""
BRACKETS = str.maketrans("[]", "()")
NORWEGIAN = {"nb": "no", "nn": "no"}
TURBO_STEPS = 2
"""of the sound's diffusion"""
SHORTEST_TURBO_SECONDS = 5.01
"""Turbo takes only recordings of more than 5 seconds"""
SPOKEN_MARK = re.compile(r"\[[a-z ]+\]")


class Speech(NamedTuple):
    """What a network makes of a text before its sound."""

    tokens: Tensor
    """[n], int64"""
    least_seconds: float
    """before which it says something of the text still"""


class Network(Protocol):
    """One of the two."""

    languages: tuple[str, ...]
    options: RequestOptions
    cloning: CloningCapabilities
    steps: int | None
    """of the sound's diffusion; None for the library's own number"""

    def speech(self, job: SpeechJob, conditioning: Conditioning) -> Speech:
        """Return the tokens of a job's speech. Raises BadInput or RunawayAudio, and Stop."""
        ...


def max_tokens(text: str) -> int:
    """Return how many tokens a text may become."""
    seconds = sum(
        SECONDS_PER_WORD_SIGN if char >= FIRST_WORD_SIGN or char.isdigit() else SECONDS_PER_CHARACTER
        for char in text
    )
    return min(MOST_TOKENS, math.ceil(TOKENS_PER_SECOND * (BASE_SECONDS + seconds)))


def _runaway(tokens: int) -> RunawayAudio:
    return RunawayAudio(
        f"Chatterbox did not end this text within {tokens / TOKENS_PER_SECOND:g} s of speech."
    )


def _values(job: SpeechJob, options: RequestOptions) -> dict[str, Any]:
    """Return the value of each setting for a job."""
    return {one.name: job.settings.get(one.name, one.default) for one in options.settings}


class MultilingualNetwork:
    """The network of 23 languages."""

    languages: tuple[str, ...] = LANGUAGES
    options: RequestOptions = MULTILINGUAL
    steps: int | None = None

    def __init__(self, model: Any, library: Library, version: str) -> None:  # noqa: ANN401 - a class of the library
        self._model = model
        self._library = library
        self.cloning = CloningCapabilities(int(model.sr), version)

    def speech(self, job: SpeechJob, conditioning: Conditioning) -> Speech:
        """Return the tokens of a job's speech, without those that say something again."""
        settings = _values(job, MULTILINGUAL)
        exaggeration = float(settings.pop(EXAGGERATION))
        most = max_tokens(job.text)
        text_tokens = self._read(job)
        t3 = self._model.t3
        try:
            found = t3.inference(
                t3_cond=conditioning.for_speech(self._library.conditioning, exaggeration),
                text_tokens=text_tokens,
                max_new_tokens=most,
                cfg_weight=float(settings[CFG]),
                temperature=float(settings[TEMPERATURE]),
                repetition_penalty=float(settings[REPETITION]),
                min_p=float(settings[MIN_P]),
                top_p=float(settings[TOP_P]),
            )[0]
            if int(found[-1]) != t3.hp.stop_speech_token:
                raise _runaway(most)
            analyzer = t3.patched_model.alignment_stream_analyzer
            kept = found[: len(found) - repeated_tokens(analyzer)]
            over = len(kept) if analyzer.completed_at is None else analyzer.completed_at
        finally:
            self._forget_text()
        tokens = self._library.s3tokenizer.drop_invalid_tokens(kept)
        return Speech(tokens[tokens < VOCABULARY], over / TOKENS_PER_SECOND)

    def _read(self, job: SpeechJob) -> Tensor:
        """Return a text's tokens, [2, n], of which the second row is for what is said without the text.

        Brackets would make a token of what they are around: `[he]` is Hebrew, and not said. Raises BadInput.
        """
        tag = primary_language(job.language or "")
        language = NORWEGIAN.get(tag, tag)
        if language not in LANGUAGES:
            raise BadInput(f"Chatterbox speaks no language '{job.language}'.", param="language")
        model, hp = self._model, self._model.t3.hp
        text = self._library.multilingual.punc_norm(job.text.translate(BRACKETS))
        tokens = model.tokenizer.text_to_tokens(text, language_id=language).to(model.device)
        if tokens.shape[1] > hp.max_text_tokens:
            raise BadInput("The text is too long for Chatterbox to say at once.", param="input")
        both = torch.cat([tokens, tokens], dim=0)
        both = functional.pad(both, (1, 0), value=hp.start_text_token)
        return functional.pad(both, (0, 1), value=hp.stop_text_token)

    def _forget_text(self) -> None:
        """Take the watch over the text's alignment away, which would stay to the next, or for ever."""
        patched = self._model.t3._modules.pop("patched_model", None)
        if patched is not None:
            patched.alignment_stream_analyzer.close()


class TurboNetwork:
    """The network of English, which knows sounds that are no words."""

    languages: tuple[str, ...] = ("en",)
    steps: int | None = TURBO_STEPS

    def __init__(self, model: Any, library: Library, version: str) -> None:  # noqa: ANN401 - a class of the library
        self._model = model
        self._library = library
        self._silence = torch.tensor([_silence_token()] * 3, device=model.device)
        self.cloning = CloningCapabilities(int(model.sr), version, shortest=SHORTEST_TURBO_SECONDS)
        sounds = [token for token in model.tokenizer.get_added_vocab() if SPOKEN_MARK.fullmatch(token)]
        self.options = RequestOptions(
            TURBO.settings, sound_marks(sounds), TURBO.longest_text, TURBO.longest_seconds
        )

    def speech(self, job: SpeechJob, conditioning: Conditioning) -> Speech:
        """Return the tokens of a job's speech, with a short silence behind."""
        settings = _values(job, TURBO)
        most = max_tokens(job.text)
        found = self._model.t3.inference_turbo(
            t3_cond=conditioning.for_speech(self._library.conditioning, 0.0),
            text_tokens=self._read(job.text),
            temperature=float(settings[TEMPERATURE]),
            top_k=int(settings[TOP_K]),
            top_p=float(settings[TOP_P]),
            repetition_penalty=float(settings[REPETITION]),
            max_gen_len=most,
        )[0]
        if len(found) > most:  # one is made before the first that is counted
            raise _runaway(most)
        tokens = torch.cat([found[found < VOCABULARY], self._silence])
        return Speech(tokens, quickest_seconds(SPOKEN_MARK.sub("", job.text)))

    def _read(self, text: str) -> Tensor:
        """Return a text's tokens, [1, n]; the one that ends all texts is none of them."""
        tokenizer = self._model.tokenizer
        text = self._library.turbo.punc_norm(text.replace(tokenizer.eos_token, " "))
        tokens: Tensor = tokenizer(text, return_tensors="pt", padding=True, truncation=True).input_ids
        return tokens.to(self._model.device)


def _silence_token() -> int:
    from chatterbox.models.s3gen.const import S3GEN_SIL

    return int(S3GEN_SIL)


def sound(model: Any, network: Network, speech: Speech, conditioning: Conditioning) -> NDArray[np.float32]:  # noqa: ANN401 - a class of the library
    """Return the watermarked samples of tokens of speech, without noise behind their end."""
    made, _ = model.s3gen.inference(
        speech_tokens=speech.tokens.to(model.device),
        ref_dict=conditioning.for_sound(),
        n_cfm_timesteps=network.steps,
    )
    samples = made.squeeze(0).detach().float().cpu().numpy()
    samples = without_tail(samples, int(model.sr), speech.least_seconds)
    return np.asarray(model.watermarker.apply_watermark(samples, sample_rate=int(model.sr)), np.float32)
