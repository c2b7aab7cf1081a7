"""The encoder of TADA's codec: recordings and their words, as the model takes them for a voice.

It has an aligner for each language, which finds where in a recording each token is; they are large, so only
the last that was used is kept. The library would look for words itself where none are
given, by a network that it downloads: they are always given here.
"""

from __future__ import annotations

from typing import Any

import torch
from tada.modules.aligner import Aligner, AlignerConfig
from tada.modules.encoder import Encoder, EncoderOutput
from tada.utils.text import normalize_text
from torch import Tensor

from engines.adapters.tada.files import ENCODER, TadaFolders
from engines.adapters.tada.languages import ALIGNERS
from engines.adapters.tada.parts import load_part
from engines.errors import BadInput
from engines.toolkit.seeds import seed_torch
from engines.toolkit.stopping import BeatHook, listed_layers
from engines.toolkit.voice_prompts import prompt_version

RATE = 24_000
"""Hertz, of recordings and of speech"""
PROMPT_SEED = 0
"""of the noise that the encoder adds to a voice: the same samples always make the same prompt"""


class VoiceEncoder:
    """The encoder, and the aligner of the language that was asked for last."""

    def __init__(self, folders: TadaFolders, tokenizer: Any, device: str, hook: BeatHook) -> None:  # noqa: ANN401 - transformers'
        self._folders = folders
        self._tokenizer = tokenizer
        self._device = device
        self._hook = hook
        # the library's own goes on with an aligner; its class has no types
        loader = super(Encoder, Encoder).from_pretrained  # type: ignore[misc]
        self.encoder = load_part(loader, folders.codec, subfolder=ENCODER)
        torch.nn.Module.to(self.encoder, device)
        self.encoder.eval()
        hook.watch([*listed_layers(self.encoder), *self.encoder.wav_encoder.block])
        self._language = ""
        self._aligner: Any = None

    @property
    def version(self) -> str:
        """The version of the prompts that the encoder makes, by the last of its weights."""
        last = (
            self.encoder.pos_emb,
            self.encoder.local_attention_encoder.final_norm,
            self.encoder.hidden_linear,
        )
        return prompt_version(weight for part in last for weight in part.parameters())

    @torch.inference_mode()  # type: ignore[untyped-decorator]  # a library without types
    def encode(self, recording: Tensor, words: str, language: str) -> EncoderOutput:
        """Return a recording, float samples [samples] at RATE, with its words, as the model takes a voice.

        Raises BadInput where there are no words, or more than can be said in that time.
        """
        words = normalize_text(words)
        tokens = self._tokenizer.encode(words, add_special_tokens=False, return_tensors="pt").to(self._device)
        audio = recording[None].to(self._device)
        lengths = torch.tensor([len(recording)], device=self._device)
        if not tokens.numel():
            raise BadInput("The words of the voice's samples are none that can be said.", param="voice")
        aligner = self._aligner_of(language)
        frames = int((lengths / RATE * self.encoder.config.num_frames_per_second).ceil())
        if tokens.numel() >= frames:
            raise BadInput(
                "The voice's samples are too short for their words: nobody speaks so quickly.", param="voice"
            )
        seed_torch(PROMPT_SEED)  # behind the loading of an aligner, which draws random numbers too
        aligned = aligner(audio, text_tokens=tokens, audio_length=lengths)
        return self.encoder(
            audio,
            text=[words],
            text_tokens=tokens,
            text_token_len=torch.tensor([tokens.numel()], device=self._device),
            token_positions=aligned.token_positions,
            token_masks=aligned.token_masks,
            audio_length=lengths,
        )

    def _aligner_of(self, language: str) -> Any:  # noqa: ANN401 - the library's
        """Return the aligner of a language. Raises EngineFailed."""
        if language != self._language:
            self._language, self._aligner = "", None  # before another is there: two may be too large
            folders, subfolder = self._folders, ALIGNERS[language]
            config = AlignerConfig.from_pretrained(str(folders.codec), subfolder=subfolder)
            # its configuration names repositories of the hub, and of the tokenizer the gated one
            config.tokenizer_name = str(folders.tokenizer)
            config.base_model_name = str(folders.wav2vec)
            aligner = load_part(Aligner.from_pretrained, folders.codec, subfolder=subfolder, config=config)
            self._aligner = aligner.to(self._device).eval()
            self._hook.watch(listed_layers(aligner))
            self._language = language
        return self._aligner
