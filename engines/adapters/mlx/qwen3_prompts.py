"""Voice prompts of Qwen3-TTS by MLX: a vector of the speaker, and the codes of a recording whose words are
known.

They are what those of the engine on torch are, by the same names. Of several samples the vector is that of
all, one after the other, and codes and words are those of the samples whose words are known.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from typing import Any

import mlx.core as mx
import msgspec
import numpy as np
from mlx.utils import tree_flatten
from numpy.typing import NDArray
from safetensors.numpy import load, save

from engines.adapters.mlx.qwen3_frames import Inputs
from engines.adapters.qwen3_tts.text import plain_text, says_something
from engines.api import CloningCapabilities, Sample
from engines.toolkit import pcm
from engines.toolkit.clone_audio import join_samples
from engines.toolkit.voice_prompts import foreign_prompt

SPEAKER = "ref_spk_embedding"
CODES = "ref_code"
WORDS = "ref_text"
SHORTEST_SECONDS = 1.0
LONGEST_SECONDS = 30.0
MARGIN_FRAMES = 2
"""by which codes may be longer than the longest recording"""
Tensors = dict[str, NDArray[Any]]


class ClonedVoice(msgspec.Struct, frozen=True, eq=False):
    """A cloned voice as the engine needs it."""

    speaker: mx.array
    """[width]"""
    codes: mx.array | None
    """[1, groups, frames]"""
    words: str


class PromptMaker:
    """Makes and opens the prompts of a loaded Base model, and reads texts for their voices."""

    def __init__(self, model: Any, signs: re.Pattern[str]) -> None:  # noqa: ANN401 - the library's class has no types
        self._model = model
        self._signs = signs
        self._codec = model.speech_tokenizer
        self._rate = int(model.sample_rate)
        self._width = int(model.config.speaker_encoder_config.enc_dim)
        self._groups = int(model.config.talker_config.num_code_groups)
        self._codes = int(self._codec.config.decoder_config.codebook_size)
        frames = LONGEST_SECONDS * self._rate / int(self._codec.encode_downsample_rate)
        self._longest = round(frames) + MARGIN_FRAMES
        self._extract: Callable[[mx.array], mx.array] = model.extract_speaker_embedding
        # where the library takes a recording, this model is given what it has heard of one
        model.extract_speaker_embedding = _as_it_is
        self.cloning = CloningCapabilities(
            self._rate, self._version(), SHORTEST_SECONDS, LONGEST_SECONDS, "helps"
        )

    def _version(self) -> str:
        """Return the version of the prompts that these encoders make."""
        digest = hashlib.sha256(f"mlx {self._width} {self._groups}".encode())
        for part in (self._model.speaker_encoder, self._codec.encoder_model.quantizer):
            for _, weights in sorted(tree_flatten(part.parameters())):
                digest.update(np.array(weights.astype(mx.float32)).tobytes())
        return f"1-{digest.hexdigest()[:12]}"

    def create(self, samples: Sequence[Sample]) -> bytes:
        """Return the prompt of samples, in safetensors."""
        words = [plain_text(sample.transcript, self._signs) for sample in samples]
        told = [(sample, text) for sample, text in zip(samples, words, strict=True) if says_something(text)]
        speaker = self._extract(mx.array(pcm.to_floats(join_samples(samples))))
        tensors: Tensors = {SPEAKER: np.array(speaker.astype(mx.float32)).reshape(-1)}
        if not told:
            return bytes(save(tensors))
        recording = mx.array(pcm.to_floats(join_samples([sample for sample, _ in told])))
        codes = np.array(self._codec.encode(recording[None, None]))[0, : self._groups]
        tensors[CODES] = np.ascontiguousarray(codes.T.astype(np.int16))
        return bytes(save(tensors, {WORDS: " ".join(text for _, text in told)}))

    def open(self, data: bytes) -> ClonedVoice:
        """Return the voice in a prompt. Raises BadInput."""
        try:
            tensors, words = load(data), plain_text(_strings(data).get(WORDS, ""), self._signs)
        except Exception as exc:  # bytes that are no safetensors
            raise foreign_prompt(f"{type(exc).__name__}.") from exc
        if not self._fits(tensors, words):
            raise foreign_prompt("it is of another shape.")
        codes = tensors.get(CODES)
        heard = None if codes is None else mx.array(codes.T[None].astype(np.int32))
        return ClonedVoice(mx.array(tensors[SPEAKER]), heard, words)

    def _fits(self, tensors: Tensors, words: str) -> bool:
        """Return whether tensors are of this model's shape, not too long, and without NaN or infinity."""
        speaker, codes = tensors.get(SPEAKER), tensors.get(CODES)
        if speaker is None or set(tensors) - {SPEAKER, CODES}:
            return False
        if speaker.dtype != np.float32 or speaker.shape != (self._width,) or not np.isfinite(speaker).all():
            return False
        if codes is None:
            return True
        if codes.dtype != np.int16 or codes.ndim != 2 or codes.shape[1] != self._groups:
            return False
        in_range = bool(((codes >= 0) & (codes < self._codes)).all())
        return 0 < len(codes) <= self._longest and in_range and says_something(words)

    def read(self, text: str, language: str, voice: ClonedVoice) -> Inputs:
        """Return what the model reads of a text in a cloned voice."""
        if voice.codes is None:
            embeddings, _, padding = self._model._prepare_generation_inputs(
                text, language=language, ref_audio=voice.speaker
            )
            return Inputs(embeddings, padding)
        words = self._model.tokenizer.encode(f"<|im_start|>assistant\n{voice.words}<|im_end|>\n")
        # the library keeps what it has heard by a sum of its numbers, of all voices, for ever
        key = (voice.words, (voice.speaker.size, float(voice.speaker.sum())))
        self._model._icl_cache = {key: (voice.codes, mx.array(words)[None, 3:-2])}
        embeddings, _, padding, _ = self._model._prepare_icl_generation_inputs(
            text, voice.speaker, voice.words, language=language
        )
        return Inputs(embeddings, padding, voice.codes)


def _as_it_is(speaker: mx.array) -> mx.array:
    """Return a speaker's vector, which was made of a recording before."""
    return speaker


def _strings(data: bytes) -> dict[str, str]:
    """Return the strings of a safetensors file: https://huggingface.co/docs/safetensors, "Format"."""
    length = int.from_bytes(data[:8], "little")
    header = msgspec.json.decode(data[8 : 8 + length], type=dict[str, Any])
    strings: dict[str, str] = header.get("__metadata__") or {}
    return strings
