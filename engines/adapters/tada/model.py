"""TADA's language model with its decoder, loaded from folders by the library, `hume-tada`, and speech by it.

The library's own loader takes decoder and tokenizer from the hub, by names in its code and its configuration.
Here each part is loaded by itself, from the folder that holds it.
"""

from __future__ import annotations

from typing import Any

import torch
from tada.modules.decoder import Decoder
from tada.modules.encoder import EncoderOutput
from tada.modules.tada import InferenceOptions, TadaForCausalLM
from torch import Tensor

from engines.adapters.tada.files import DECODER, TadaFolders
from engines.adapters.tada.parts import load_part
from engines.errors import EngineFailed


class SpeakingTada(TadaForCausalLM):  # type: ignore[misc] # the library's class has no types
    """The library's model, with what follows set right.

    The library's decoder may fail, or be stopped: then its `generate` gives no audio, and drops the reason
    (`except Exception: wavs.append(None)`), which is kept here. How long a token lasts is computed as bits,
    of -1 and 1: one beyond 2 would count twice, and a length that no table has end the job.
    """

    fault: Exception | None = None
    """why there was no audio"""

    def say(self, prompt: EncoderOutput, text: str, options: InferenceOptions) -> Tensor:
        """Return the speech of a text, float samples. Raises what the library's decoder raised."""
        self.fault = None
        (audio,) = self.generate(prompt, text=text, inference_options=options).audio
        if self.fault:
            raise self.fault
        if audio is None or not audio.numel():
            raise EngineFailed("TADA made no sound of this text.")
        return torch.as_tensor(audio)

    def _solve_flow_matching(self, *args: Any, **options: Any) -> Tensor:  # noqa: ANN401 - the library's own
        """Return the features of a token, and behind them the bits of its length."""
        features: Tensor = super()._solve_flow_matching(*args, **options)
        features[..., -self.time_dim :].clamp_(-1, 1)
        return features

    def _decode_wav(self, encoded: Tensor, time_before: Tensor) -> Tensor:
        """Return the audio of some tokens' features."""
        try:
            wave: Tensor = super()._decode_wav(encoded, time_before)
        except Exception as exc:  # the library hides what it is: whoever asks raises it again
            self.fault = exc
            raise
        return wave


def load_model(folders: TadaFolders, tokenizer: Any, device: str, dtype: torch.dtype) -> SpeakingTada:  # noqa: ANN401 - transformers'
    """Return the model on a device, computing in a dtype. Raises EngineFailed, which names the folder at
    fault.
    """
    # the library's own `from_pretrained` would go on with the codec of the hub
    loader = super(TadaForCausalLM, SpeakingTada).from_pretrained
    model: SpeakingTada = load_part(loader, folders.model, dtype=dtype)
    model._tokenizer = tokenizer
    model._decoder = load_part(Decoder.from_pretrained, folders.codec, subfolder=DECODER)
    for table in (model.time_start_embed, model.time_end_embed):
        table.register_forward_pre_hook(_within_table)
    placed: SpeakingTada = model.to(device).eval()
    return placed


def _within_table(table: torch.nn.Embedding, arguments: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """Return lengths that a table has: slow speech makes some of them longer."""
    return tuple(lengths.clamp(0, table.num_embeddings - 1) for lengths in arguments)


def audio_blocks(model: SpeakingTada) -> list[torch.nn.Module]:
    """Return the blocks of the decoder that make sound, none of which takes long."""
    return list(model.decoder.wav_decoder.model)
