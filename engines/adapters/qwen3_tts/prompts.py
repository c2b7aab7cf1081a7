"""Voice prompts of Qwen3-TTS: a vector of the speaker, and the codes of a recording whose words are known.

With codes and words the model goes on as that recording began, which keeps the way of speaking too; with the
vector alone it has the voice. Of several samples the vector is that of all, one after the other, and codes
and words are those of the samples whose words are known.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec
import torch
from safetensors.torch import load, save
from torch import Tensor

from engines.adapters.qwen3_tts.codec import CodecState, StreamingDecoder
from engines.adapters.qwen3_tts.text import plain_text, says_something
from engines.api import CloningCapabilities, Sample
from engines.toolkit import pcm
from engines.toolkit.clone_audio import join_samples
from engines.toolkit.voice_prompts import foreign_prompt, prompt_version

SPEAKER = "ref_spk_embedding"
CODES = "ref_code"
WORDS = "ref_text"
"""all by the library's names; the words are among the strings of the file"""
SHORTEST_SECONDS = 1.0
LONGEST_SECONDS = 30.0
MARGIN_FRAMES = 2
"""by which codes may be longer than the longest recording"""


class ClonedVoice(msgspec.Struct, frozen=True, eq=False):
    """A cloned voice as the engine needs it."""

    item: Any
    """the library's VoiceClonePromptItem"""
    heard: CodecState
    """what the codec keeps of the recording, behind which the model goes on"""


class PromptMaker:
    """Makes and opens the prompts of a loaded Base model, a Qwen3TTSModel."""

    def __init__(self, library: Any, decoder: StreamingDecoder, signs: re.Pattern[str]) -> None:  # noqa: ANN401 - the library's class has no types
        self._model = library.model
        self._item = library_item(library)
        self._decoder = decoder
        self._signs = signs
        self._rate = int(self._model.speaker_encoder_sample_rate)
        self._width = int(self._model.config.speaker_encoder_config.enc_dim)
        self._groups = int(self._model.config.talker_config.num_code_groups)
        codec = self._model.speech_tokenizer.model
        self._codes = int(codec.config.decoder_config.codebook_size)
        frames = LONGEST_SECONDS * self._rate / int(codec.encode_downsample_rate)
        self._longest = round(frames) + MARGIN_FRAMES
        self.cloning = CloningCapabilities(
            self._rate, self._version(codec), SHORTEST_SECONDS, LONGEST_SECONDS, "helps"
        )

    def _version(self, codec: Any) -> str:  # noqa: ANN401 - as above
        """Return the version of the prompts that these encoders make."""
        parts = (self._model.speaker_encoder, codec.encoder.quantizer)
        weights = [part for module in parts for _, part in sorted(module.state_dict().items())]
        return prompt_version(weights, f"{self._width} {self._groups}")

    def create(self, samples: Sequence[Sample]) -> bytes:
        """Return the prompt of samples, in safetensors."""
        words = [plain_text(sample.transcript, self._signs) for sample in samples]
        told = [(sample, text) for sample, text in zip(samples, words, strict=True) if says_something(text)]
        recording = pcm.to_floats(join_samples(samples))
        speaker = self._model.extract_speaker_embedding(audio=recording, sr=self._rate)
        tensors = {SPEAKER: speaker.float().cpu().contiguous()}
        if not told:
            return bytes(save(tensors))
        recording = pcm.to_floats(join_samples([sample for sample, _ in told]))
        [codes] = self._model.speech_tokenizer.encode([recording], sr=self._rate).audio_codes
        tensors[CODES] = codes.to(torch.int16).cpu().contiguous()
        return bytes(save(tensors, {WORDS: " ".join(text for _, text in told)}))

    def open(self, data: bytes) -> ClonedVoice:
        """Return the voice in a prompt. Raises BadInput."""
        try:
            tensors, words = load(data), _strings(data).get(WORDS, "")
        except Exception as exc:  # bytes that are no safetensors
            raise foreign_prompt(f"{type(exc).__name__}.") from exc
        if not self._fits(tensors, words):
            raise foreign_prompt("it is of another shape.")
        words = plain_text(words, self._signs)
        codes = tensors[CODES].long() if CODES in tensors else None
        item = self._item(
            ref_code=codes,
            ref_spk_embedding=tensors[SPEAKER],
            x_vector_only_mode=codes is None,
            icl_mode=codes is not None,
            ref_text=words or None,
        )
        return ClonedVoice(item, CodecState() if codes is None else self._decoder.advance(codes))

    def _fits(self, tensors: dict[str, Tensor], words: str) -> bool:
        """Return whether tensors are of this model's shape, not too long, and without NaN or infinity."""
        speaker, codes = tensors.get(SPEAKER), tensors.get(CODES)
        if speaker is None or set(tensors) - {SPEAKER, CODES}:
            return False
        if speaker.dtype != torch.float32 or speaker.shape != (self._width,) or not speaker.isfinite().all():
            return False
        if codes is None:
            return True
        if codes.dtype != torch.int16 or codes.dim() != 2 or codes.shape[1] != self._groups:
            return False
        in_range = bool(((codes >= 0) & (codes < self._codes)).all())
        return 0 < len(codes) <= self._longest and in_range and says_something(plain_text(words, self._signs))


def library_item(library: Any) -> Any:  # noqa: ANN401 - classes without types
    """Return the library's class of a prompt's item, by the module of a loaded model."""
    import sys

    return sys.modules[type(library).__module__].VoiceClonePromptItem


def _strings(data: bytes) -> dict[str, str]:
    """Return the strings of a safetensors file: https://huggingface.co/docs/safetensors, "Format"."""
    length = int.from_bytes(data[:8], "little")
    header = msgspec.json.decode(data[8 : 8 + length], type=dict[str, Any])
    strings: dict[str, str] = header.get("__metadata__") or {}
    return strings
