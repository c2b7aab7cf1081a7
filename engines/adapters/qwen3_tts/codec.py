"""Qwen3-TTS's codec, frame by frame: each layer keeps the end of what it has states, and takes it up again.

The library decodes all codes of a text at once, or stretches of them with 25 frames before each. All layers
of the decoder look back only (`Qwen3TTSTokenizerV2Decoder`): with what each of them keeps, single frames give
what the whole would have given, and each is computed once. Layers and weights are the library's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import torch
from torch import Tensor

REACH = 25
"""frames that a sound can depend on by convolutions alone: by the decoder's kernels it is fewer than 10"""


class CodecState(msgspec.Struct, frozen=True, eq=False):
    """What the layers have kept of one text."""

    kept: tuple[Tensor, ...] = ()
    """of each layer that looks back, in their order, [1, …]; none at the beginning"""
    frames: int = 0
    """that there were"""


class StreamingDecoder:
    """The decoder of a loaded codec; `decoder` is its Qwen3TTSTokenizerV2Decoder."""

    def __init__(self, decoder: Any) -> None:  # noqa: ANN401 - the library's class has no types
        self._decoder = decoder
        self._device = decoder.device
        self.frame_samples = int(decoder.total_upsample)
        """that a frame becomes"""

    def decode(self, codes: Tensor, states: Sequence[CodecState]) -> tuple[Tensor, list[CodecState]]:
        """Return the sound of the next frames of several texts, [texts, samples], and what was kept of each.

        `codes` are [texts, frames, groups], `states` what was kept before.
        """
        run = _Run(self._decoder, states)
        sound = run.sound(run.hidden(codes.to(self._device)))
        return sound, run.states(codes.shape[1])

    def advance(self, codes: Tensor) -> CodecState:
        """Return what is kept of frames, [frames, groups], whose sound nobody wants."""
        run = _Run(self._decoder, [CodecState()])
        hidden = run.hidden(codes[None].to(self._device))
        run.sound(hidden[..., -REACH:])
        [state] = run.states(len(codes))
        return state


class _Run:
    """One pass through the decoder."""

    def __init__(self, decoder: Any, states: Sequence[CodecState]) -> None:  # noqa: ANN401 - as above
        self._decoder = decoder
        self._before = states
        self._kept: list[Tensor] = []

    def states(self, frames: int) -> list[CodecState]:
        """Return what was kept of each text, after so many frames more."""
        return [
            CodecState(tuple(kept[number : number + 1] for kept in self._kept), before.frames + frames)
            for number, before in enumerate(self._before)
        ]

    def hidden(self, codes: Tensor) -> Tensor:
        """Return what the transformer makes of codes, [texts, width, frames]."""
        decoder = self._decoder
        latent = self._convolve(decoder.pre_conv, decoder.quantizer.decode(codes.transpose(1, 2)))
        transformer = decoder.pre_transformer
        hidden = transformer.input_proj(latent.transpose(1, 2))
        frames = torch.tensor([before.frames for before in self._before], device=hidden.device)[:, None]
        positions = frames + torch.arange(codes.shape[1], device=hidden.device)
        self._window = int(transformer.window_size)
        rotation = transformer.rotary_emb(hidden, positions)
        mask = self._mask(frames, codes.shape[1], hidden.dtype)
        for layer in transformer.layers:
            hidden = layer(hidden, attention_mask=mask, past_key_values=self, position_embeddings=rotation)
        result: Tensor = transformer.output_proj(transformer.norm(hidden)).transpose(1, 2)
        return result

    def update(
        self, keys: Tensor, values: Tensor, _layer: int, _more: object = None
    ) -> tuple[Tensor, Tensor]:
        """Return keys and values, [texts, heads, frames, width], behind those that were kept: the library's
        attention calls this.
        """
        length = self._window - 1
        return self._with_past(keys, length, -2), self._with_past(values, length, -2)

    def _mask(self, frames: Tensor, count: int, dtype: torch.dtype) -> Tensor:
        """Return what is added to the scores of attention, [texts, 1, count, past + count]: a frame hears
        itself and a window of those before, which are those that there were.
        """
        past = self._window - 1
        places = torch.arange(past + count, device=frames.device)
        own = past + torch.arange(count, device=frames.device)[:, None]
        within = (places <= own) & (places > own - self._window)
        there = places >= past - frames
        states = within[None] & there[:, None]
        zeros = torch.zeros(states.shape, dtype=dtype, device=frames.device)
        return zeros.masked_fill(~states, -torch.inf)[:, None]

    def sound(self, hidden: Tensor) -> Tensor:
        """Return the sound of what the transformer made, [texts, samples], in [-1, 1]."""
        for transposed, block in self._decoder.upsample:
            hidden = self._widen(block, self._stretch(transposed, hidden))
        first, *blocks, activation, last = self._decoder.decoder
        sound = self._convolve(first, hidden)
        for block in blocks:
            sound = self._decode_block(block.block, sound)
        sound = self._convolve(last, activation(sound))
        return sound.clamp(min=-1, max=1)[:, 0]

    def _decode_block(self, block: Any, sound: Tensor) -> Tensor:  # noqa: ANN401 - as above
        activation, transposed, *units = block
        sound = self._stretch(transposed, activation(sound))
        for unit in units:
            inner = self._convolve(unit.conv1, unit.act1(sound))
            sound = sound + self._convolve(unit.conv2, unit.act2(inner))
        return sound

    def _widen(self, block: Any, hidden: Tensor) -> Tensor:  # noqa: ANN401 - as above
        """Return what a ConvNeXt block makes of its input."""
        inner = self._convolve(block.dwconv, hidden).transpose(1, 2)
        inner = block.pwconv2(block.act(block.pwconv1(block.norm(inner))))
        return hidden + (block.gamma * inner).transpose(1, 2)

    def _convolve(self, layer: Any, sound: Tensor) -> Tensor:  # noqa: ANN401 - as above
        """Return what a causal convolution makes of its input behind what was kept of it."""
        result: Tensor = layer.conv(self._with_past(sound, layer.padding, -1))
        return result

    def _stretch(self, layer: Any, sound: Tensor) -> Tensor:  # noqa: ANN401 - as above
        """Return what a causal transposed convolution makes of its input, of which each sample reaches into
        what the next ones become.
        """
        (stride,) = layer.conv.stride
        past = -(-layer.right_pad // stride)
        stretched: Tensor = layer.conv(self._with_past(sound, past, -1))
        return stretched[..., past * stride : (past + sound.shape[-1]) * stride]

    def _with_past(self, new: Tensor, length: int, dim: int) -> Tensor:
        """Return the input of a layer that looks back, behind what it kept, and keep the end of it.

        Where there was nothing there are zeros, as the library pads.
        """
        if length == 0:
            return new
        place = len(self._kept)
        past = torch.cat([self._past(before, place, new, length, dim) for before in self._before])
        joined = torch.cat((past, new), dim)
        # a copy, or all of it would stay as long as its end does
        self._kept.append(joined.narrow(dim, joined.shape[dim] - length, length).clone())
        return joined

    def _past(self, before: CodecState, place: int, new: Tensor, length: int, dim: int) -> Tensor:
        if before.kept:
            return before.kept[place]
        shape = [1, *new.shape[1:]]
        shape[dim] = length
        return new.new_zeros(shape)
