"""Qwen3-TTS frame by frame: what the library's `generate` does in one call for members that begin and end
together, done here for members that come and go.

A frame is 80 ms: sixteen codes, the first of them drawn by the network that reads the text (the talker), the
others one after another by a small one (the code predictor), which begins anew with each frame. Networks,
embeddings and heads are the library's own (qwen-tts 0.1.1, `Qwen3TTSTalkerForConditionalGeneration.forward`
and `Qwen3TTSForConditionalGeneration.generate`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache

from engines.adapters.qwen3_tts.inputs import Inputs
from engines.adapters.qwen3_tts.key_values import FirstPass, KeyValues, Layout, NextPosition, Row
from engines.adapters.qwen3_tts.sampling import (
    Noise,
    Sampling,
    choose,
    draw_noise,
    penalise,
)
from engines.adapters.qwen3_tts.utterance import Utterance

RESERVED_CODES = 1024
"""at the end of the talker's codes: they are signs, and none of them is spoken but the end"""


class Talker:
    """The networks of a loaded model; `library` is its Qwen3TTSForConditionalGeneration."""

    def __init__(self, library: Any) -> None:  # noqa: ANN401 - the library's class has no types
        self._talker = library.talker
        self._predictor = library.talker.code_predictor
        config = library.config.talker_config
        self._end = int(config.codec_eos_token_id)
        self._codes = int(config.vocab_size)
        self._groups = int(config.num_code_groups)
        self._detail_codes = int(config.code_predictor_config.vocab_size)
        self._device = self._talker.device
        self._dtype = self._talker.dtype
        self._unspoken = torch.zeros(self._codes, dtype=torch.bool, device=self._device)
        self._unspoken[self._codes - RESERVED_CODES :] = True
        self._unspoken[self._end] = False
        attention = self._talker.model.layers[0].self_attn
        self._cache = KeyValues(
            Layout(
                int(config.num_hidden_layers),
                int(config.num_key_value_heads),
                int(attention.head_dim),
                self._dtype,
                self._device,
            )
        )
        kinds = set(config.code_predictor_config.layer_types)
        self._predictor_mask = dict.fromkeys(kinds)
        """by kinds of layers: none is needed, as frames are shorter than any window"""

    def begin(self, inputs: Inputs, sampling: Sampling, seed: int) -> Utterance:
        """Return an utterance up to its first code: the network reads what it is to speak, and with whose
        voice.
        """
        row = self._cache.add()
        try:
            return self._begin(inputs, sampling, seed, row)
        except BaseException:  # stopped or failed, it holds nothing
            self._cache.remove(row)
            raise

    def _begin(self, inputs: Inputs, sampling: Sampling, seed: int, row: Row) -> Utterance:
        length = inputs.prompt.shape[1]
        positions = torch.arange(length, device=self._device)
        later = positions[None, :] > positions[:, None]
        mask = torch.zeros(later.shape, dtype=self._dtype, device=self._device).masked_fill(later, -torch.inf)
        hidden = self._forward(
            inputs.prompt, positions[None], mask[None, None], self._cache.fill(row, length)
        )
        noise = Noise(seed, self._device)
        utterance = Utterance(row, sampling, noise, inputs.text[0], inputs.padding[0, 0])
        utterance.seen = torch.zeros(self._codes, dtype=torch.bool, device=self._device)
        self._keep([utterance], hidden[:, -1])
        return utterance

    def end(self, utterance: Utterance) -> None:
        """Free what an utterance holds."""
        self._cache.remove(utterance.row)

    def first_codes(self, utterances: Sequence[Utterance]) -> list[int | None]:
        """Draw the first code of the next frame of each utterance; None where the text has come to its end.

        A code of NO_CODE says that the network computed no numbers.
        """
        scores = torch.stack([utterance.scores for utterance in utterances])
        seen = torch.stack([utterance.seen for utterance in utterances])
        sampling = [utterance.sampling for utterance in utterances]
        scores = penalise(scores, seen, [one.repetition_penalty for one in sampling])
        early = [not utterance.may_end for utterance in utterances]
        scores[:, self._end].masked_fill_(torch.tensor(early, device=self._device), -torch.inf)
        scores = scores.masked_fill(self._unspoken, -torch.inf)
        noise = [
            draw_noise(utterance.noise, utterance.sampling.first, 1, self._codes, self._device)
            for utterance in utterances
        ]
        codes = choose(scores, [one.first for one in sampling], torch.cat(noise)).tolist()
        return [None if code == self._end else code for code in codes]

    def frames(self, utterances: Sequence[Utterance], first: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Return the codes of the next frame of each utterance, [utterances, groups], and their embeddings in
        one, [utterances, width], given the first codes.
        """
        code = torch.tensor(first, device=self._device)[:, None]
        embedding = self._talker.get_input_embeddings()(code)
        hidden = torch.stack([utterance.hidden for utterance in utterances])[:, None]
        drawings = [utterance.sampling.detail for utterance in utterances]
        count = self._groups - 1
        noise = torch.stack(
            [
                draw_noise(
                    utterance.noise, utterance.sampling.detail, count, self._detail_codes, self._device
                )
                for utterance in utterances
            ],
            dim=1,
        )
        codes, embeddings = [code], [embedding]
        cache = DynamicCache()
        inputs = torch.cat((hidden, embedding), dim=1)
        for group in range(count):
            scores = self._predict(inputs, group, cache)
            code = choose(scores, drawings, noise[group])[:, None]
            inputs = self._predictor.get_input_embeddings()[group](code.clamp(min=0))
            codes.append(code)
            embeddings.append(inputs)
        return torch.cat(codes, dim=1), torch.cat(embeddings, dim=1).sum(1)

    def _predict(self, inputs: Tensor, group: int, cache: DynamicCache) -> Tensor:
        """Return the scores of a frame's further code, [utterances, codes]: `inputs` are those of the code
        before, and of the frame before where it is the first.
        """
        position = 0 if group == 0 else group + 1
        positions = torch.arange(position, position + inputs.shape[1], device=self._device)
        hidden = self._predictor.model(
            inputs_embeds=self._predictor.small_to_mtp_projection(inputs),
            attention_mask=self._predictor_mask,
            past_key_values=cache,
            cache_position=positions,
            use_cache=True,
        ).last_hidden_state
        scores: Tensor = self._predictor.lm_head[group](hidden[:, -1])
        return scores.float()

    def advance(self, utterances: Sequence[Utterance], first: Sequence[int], embeddings: Tensor) -> None:
        """Have the network hear the frames that some utterances have got, and read on.

        `embeddings` are those of the frames, [utterances, width].
        """
        texts = torch.stack([utterance.next_text() for utterance in utterances])
        rows = self._cache.rows
        # all rows go through: those that have ended hear nothing, and are dropped soon
        inputs = torch.zeros(len(rows), embeddings.shape[-1], dtype=self._dtype, device=self._device)
        numbers = [utterance.row.number for utterance in utterances]
        inputs[numbers] = embeddings + texts
        for utterance, code in zip(utterances, first, strict=True):
            utterance.seen[code] = True
            utterance.frames += 1
        following = self._cache.extend()
        hidden = self._forward(
            inputs[:, None], following.positions[:, None], following.mask(self._dtype), following
        )
        self._keep(utterances, hidden[numbers, -1])

    def _forward(
        self, inputs: Tensor, positions: Tensor, mask: Tensor, cache: FirstPass | NextPosition
    ) -> Tensor:
        """Return what the talker makes of inputs, [rows, positions, width]."""
        hidden: Tensor = self._talker.model(
            inputs_embeds=inputs,
            attention_mask=mask,
            position_ids=positions,
            past_key_values=cache,
            cache_position=positions[0],
            use_cache=True,
        ).last_hidden_state
        return hidden

    def _keep(self, utterances: Sequence[Utterance], hidden: Tensor) -> None:
        """Keep what the network made of each utterance's last frame, [utterances, width]."""
        scores = self._talker.codec_head(hidden).float()
        for number, utterance in enumerate(utterances):
            utterance.hidden = hidden[number]
            utterance.scores = scores[number]
