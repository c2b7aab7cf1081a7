"""Kokoro's network over several utterances at once, each as if it were alone.

The library runs one utterance at a time. Here its own layers run over padded batches: attention is masked and
LSTMs are packed; from the frames on, what lies behind an utterance's end is zero wherever a convolution
looks, and normalization over time counts an utterance's own frames only. The vocoder's source (sines and
noise) and its Fourier transforms are made for each utterance by itself: they reflect at its end, and its
noise is its own. One utterance alone takes the library's layers as they are.

What comes before the decoder is not continuous: durations are rounded to frames, and the source's phases jump
at the half turn. So the last bits, which depend on who shares a batch, may be heard there. An utterance that
must always come out the same has that part run by itself (`alone`); it is a twentieth of the work.

Shapes: B utterances, T phonemes, F frames of 1/40 s, 600 samples; the decoder makes two of each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import msgspec
import torch
import torch.nn.functional as F
from kokoro import KModel
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence

STYLE = 128
"""a voice's row holds how it sounds, and behind these how it moves"""
WASTE = 1.25
"""how much longer than its shortest an utterance of a batch may be"""
ROOT_HALF = 0.5**0.5


class Noise:
    """The random numbers of one job, however many jobs draw in between: the library draws from the process's
    own source.
    """

    def __init__(self, seed: int, device: torch.device) -> None:
        self._source: Any = torch if device.type == "cpu" else torch.get_device_module(device)
        self._which = (device,) if device.type == "cuda" else ()
        """each of several GPUs draws from a source of its own"""
        self._state = torch.Generator(device).manual_seed(seed).get_state()

    def draw(self, make: Callable[[], Tensor]) -> Tensor:
        """Run what draws. One thread at a time."""
        self._source.set_rng_state(self._state, *self._which)
        made = make()
        self._state = self._source.get_rng_state(*self._which)
        return made


Wanted = Callable[[Sequence[int]], bool]


class Unwanted(Exception):
    """Nobody wants any of the utterances in the decoder."""


class Heed:
    """Asks whether utterances are still wanted; calling it raises Unwanted where they are not."""

    def __init__(self, wanted: Wanted, places: Sequence[int]) -> None:
        self._wanted = wanted
        self._places = places

    def __call__(self) -> None:
        """Ask."""
        if not self._wanted(self._places):
            raise Unwanted


class Utterance(msgspec.Struct, frozen=True, eq=False):
    """What is spoken: phonemes by their ids, without the zeros around them; the row of a voice [1, 256]; the
    speed.
    """

    ids: Sequence[int]
    voice: Tensor
    speed: float
    noise: Noise
    alone: bool = True
    """comes out the same whoever shares its batch, but for the last bits"""


class Spoken(msgspec.Struct, frozen=True, eq=False):
    """The audio of the utterance at a place (float32 at 24 kHz, not limited), and the frames of each of its
    ids and both ends.
    """

    place: int
    audio: Tensor
    frames: list[int]


class Plan(msgspec.Struct, frozen=True, eq=False):
    """An utterance before it is sounded: its frames as text [F, C], their pitch in Hertz and energy [2 F]."""

    place: int
    utterance: Utterance
    frames: list[int]
    text: Tensor
    pitch: Tensor
    energy: Tensor

    @property
    def length(self) -> int:
        """How many frames it lasts."""
        return len(self.text)


@torch.inference_mode()  # type: ignore[untyped-decorator]  # a library without types
def speak(network: KModel, utterances: Sequence[Utterance], largest: int, wanted: Wanted) -> Iterator[Spoken]:
    """Speak utterances, the shortest first, at most `largest` of about the same length at once in the
    decoder.

    `wanted` is asked now and then of the places of those in the decoder; when it says no, they are left.
    """
    placed = list(enumerate(utterances))
    groups = [[one] for one in placed if one[1].alone] + [[one for one in placed if not one[1].alone]]
    plans = [plan for group in groups if group for plan in _plan(network, group)]
    plans.sort(key=lambda plan: plan.length)
    while plans:
        fit = [plan for plan in plans[:largest] if plan.length <= WASTE * plans[0].length]
        plans = plans[len(fit) :]
        heed = Heed(wanted, [plan.place for plan in fit])
        with suppress(Unwanted):
            for plan, audio in zip(fit, _sound(network, fit, heed), strict=True):
                yield Spoken(plan.place, audio, plan.frames)


# Phonemes...


def _plan(network: KModel, placed: Sequence[tuple[int, Utterance]]) -> list[Plan]:
    """Say how long each phoneme lasts, and what is to be heard in each frame."""
    device, utterances = network.device, [one for _, one in placed]
    ids = pad_sequence([torch.tensor([0, *one.ids, 0]) for one in utterances], batch_first=True).to(device)
    lengths = torch.tensor([len(one.ids) + 2 for one in utterances])
    beyond = (torch.arange(ids.shape[1])[None] >= lengths[:, None]).to(device)
    style = torch.cat([one.voice for one in utterances]).to(device)[:, STYLE:]

    encoded = network.bert_encoder(network.bert(ids, attention_mask=(~beyond).int())).transpose(-1, -2)
    prosody = network.predictor.text_encoder(encoded, style, lengths, beyond)
    text = network.text_encoder(ids, lengths, beyond).transpose(-1, -2)
    all_frames = _frames(
        network.predictor, prosody, lengths, torch.tensor([one.speed for one in utterances], device=device)
    )
    frames = [row[:length] for row, length in zip(all_frames, lengths.tolist(), strict=True)]
    prosodies, texts = (
        [_stretched(row, own) for row, own in zip(rows, frames, strict=True)] for rows in (prosody, text)
    )

    own = Own([len(one) for one in texts])
    pitch, energy = _melody(network.predictor, prosodies, style, own)
    return [
        Plan(
            place,
            one,
            frames[row].tolist(),
            texts[row],
            *(curve[row, 0, : 2 * len(texts[row])] for curve in (pitch, energy)),
        )
        for row, (place, one) in enumerate(placed)
    ]


def _frames(predictor: Any, prosody: Tensor, lengths: Tensor, speeds: Tensor) -> Tensor:  # noqa: ANN401 - ProsodyPredictor
    """Say how many frames each phoneme lasts, [B, T]."""
    weighed = torch.sigmoid(predictor.duration_proj(_packed(predictor.lstm, prosody, lengths))).sum(-1)
    return torch.round(weighed / speeds[:, None]).clamp(min=1).long()


def _stretched(row: Tensor, frames: Tensor) -> Tensor:
    """Repeat each phoneme's numbers [T, C] for as many frames as it lasts, [F, C]."""
    return row[: len(frames)].repeat_interleave(frames, 0)


def _packed(lstm: nn.LSTM, rows: Tensor, lengths: Tensor) -> Tensor:
    """Run an LSTM [B, T, C] both ways over each row's own length."""
    if len(rows) == 1:
        return torch.as_tensor(lstm(rows)[0])
    packed = pack_padded_sequence(rows, lengths, batch_first=True, enforce_sorted=False)
    return pad_packed_sequence(lstm(packed)[0], batch_first=True)[0]


# Frames...


class Own:
    """Which frames are an utterance's own, at each of the rates they pass through."""

    def __init__(self, lengths: Sequence[int]) -> None:
        self.lengths = torch.tensor(lengths)
        self._even = min(lengths) == max(lengths)
        self._masks: dict[tuple[int, int], Tensor] = {}

    def mask(self, x: Tensor, times: int, more: int = 0) -> Tensor | None:
        """Give [B, 1, frames] of ones and zeros for lengths `times` as long and `more`; None where all are of
        one length.
        """
        if self._even:
            return None
        if (times, more) not in self._masks:
            ends = self.lengths.to(x.device) * times + more
            self._masks[times, more] = (torch.arange(x.shape[-1], device=x.device)[None] < ends[:, None])[
                :, None
            ].to(x.dtype)
        return self._masks[times, more]


def _melody(predictor: Any, prosodies: Sequence[Tensor], style: Tensor, own: Own) -> tuple[Tensor, Tensor]:  # noqa: ANN401
    """Give pitch and energy [B, 1, 2 F] of prosody, [F, C] each."""
    moved = _packed(predictor.shared, pad_sequence(list(prosodies), batch_first=True), own.lengths).transpose(
        -1, -2
    )
    curves = []
    for blocks, last in ((predictor.F0, predictor.F0_proj), (predictor.N, predictor.N_proj)):
        x, times = moved, 1
        for block in blocks:
            x, times = _block(block, x, style, own, times)
        curves.append(last(x))
    return curves[0], curves[1]


def _sound(network: KModel, plans: Sequence[Plan], heed: Heed) -> Iterator[Tensor]:
    """Make the audio of plans of about the same length."""
    heed()
    own = Own([plan.length for plan in plans])
    style = torch.cat([plan.utterance.voice for plan in plans]).to(network.device)[:, :STYLE]
    text = pad_sequence([plan.text for plan in plans], batch_first=True).transpose(-1, -2)
    pitch = pad_sequence([plan.pitch for plan in plans], batch_first=True)[:, None]
    energy = pad_sequence([plan.energy for plan in plans], batch_first=True)[:, None]
    heard = _decoded(network.decoder, text, pitch, energy, style, own)
    heed()
    generator = network.decoder.generator
    sources = [plan.utterance.noise.draw(partial(_source, generator, plan.pitch)) for plan in plans]
    source = pad_sequence([one.T for one in sources], batch_first=True).transpose(-1, -2)
    spectrum = _generated(generator, heard, style, source, own, heed)
    half = generator.post_n_fft // 2 + 1
    for row, one in zip(spectrum, sources, strict=True):
        size, turn = (
            torch.exp(row[None, :half, : one.shape[-1]]),
            torch.sin(row[None, half:, : one.shape[-1]]),
        )
        yield generator.stft.inverse(size, turn).flatten().cpu()


def _decoded(
    decoder: nn.Module, text: Tensor, pitch: Tensor, energy: Tensor, style: Tensor, own: Own
) -> Tensor:
    """Give what the generator is to sound, [B, C, 2 F]."""
    parts: Any = decoder
    pitch, energy = parts.F0_conv(pitch), parts.N_conv(energy)
    x, times = _block(parts.encode, torch.cat([text, pitch, energy], 1), style, own, 1)
    beside = parts.asr_res(text)
    for block in parts.decode:
        if times == 1:
            x = torch.cat([x, beside, pitch, energy], 1)
        x, times = _block(block, x, style, own, times)
    return x


def _block(block: Any, x: Tensor, style: Tensor, own: Own, times: int) -> tuple[Tensor, int]:  # noqa: ANN401 - AdainResBlk1d
    """Run a residual block, which may double the frames; what lies behind an utterance's end comes out as
    zero.
    """
    before = own.mask(x, times)
    after_times = times if block.upsample_type == "none" else 2 * times
    y = block.pool(_kept(block.actv(_normal(block.norm1, x, style, before)), before))
    after = own.mask(y, after_times)
    y = block.conv1(_kept(y, after))
    y = block.conv2(_kept(block.actv(_normal(block.norm2, y, style, after)), after))
    return _kept((y + block._shortcut(x)) * ROOT_HALF, after), after_times


# Samples...


def _source(generator: Any, pitch: Tensor) -> Tensor:  # noqa: ANN401 - Generator
    """Make one utterance's source of its pitch [2 F]: its spectrum, size and phase, [C, frames]."""
    waves, _, _ = generator.m_source(generator.f0_upsamp(pitch[None, None]).transpose(1, 2))
    return torch.cat(generator.stft.transform(waves.transpose(1, 2).squeeze(1)), 1)[0]


def _generated(
    generator: Any,  # noqa: ANN401 - Generator
    x: Tensor,
    style: Tensor,
    source: Tensor,
    own: Own,
    heed: Heed,
) -> Tensor:
    """Give the spectrum of the audio, [B, C, frames]."""
    times, last = 2, generator.num_upsamples - 1
    for step in range(generator.num_upsamples):
        x = generator.ups[step](_kept(F.leaky_relu(x, 0.1), own.mask(x, times)))
        times *= generator.ups[step].stride[0]
        x = generator.reflection_pad(x) if step == last else x
        more = int(step == last)
        mask = own.mask(x, times, more)
        x = x + _resonant(
            generator.noise_res[step], _kept(generator.noise_convs[step](source), mask), style, mask
        )
        heed()
        total: Tensor | None = None
        for kernel in range(generator.num_kernels):
            made = _resonant(generator.resblocks[step * generator.num_kernels + kernel], x, style, mask)
            total = made if total is None else total.add_(made)
            heed()
        x = (x if total is None else total) / generator.num_kernels
    x = _kept(F.leaky_relu(x), mask)
    return torch.as_tensor(generator.conv_post(x))


def _resonant(block: Any, x: Tensor, style: Tensor, mask: Tensor | None) -> Tensor:  # noqa: ANN401 - AdaINResBlock1
    layers = zip(
        block.convs1, block.convs2, block.adain1, block.adain2, block.alpha1, block.alpha2, strict=True
    )
    for first, second, norm_first, norm_second, alpha_first, alpha_second in layers:
        y = first(_kept(_snake(_normal(norm_first, x, style, mask), alpha_first), mask))
        x = second(_kept(_snake(_normal(norm_second, y, style, mask), alpha_second), mask)) + x
    return x


def _snake(x: Tensor, alpha: Tensor) -> Tensor:
    return torch.addcmul(x, 1 / alpha, torch.sin(alpha * x).square_())


def _normal(norm: Any, x: Tensor, style: Tensor, mask: Tensor | None) -> Tensor:  # noqa: ANN401 - AdaIN1d
    """Normalize [B, C, frames] over each utterance's own frames, then scale and shift by the style."""
    if mask is None:
        return torch.as_tensor(norm(x, style))
    gamma, beta = norm.fc(style)[:, :, None].chunk(2, 1)
    count = mask.sum(-1, keepdim=True)
    centred = x - (x * mask).sum(-1, keepdim=True) / count
    variance = (centred.square() * mask).sum(-1, keepdim=True) / count
    weight, bias = norm.norm.weight[:, None], norm.norm.bias[:, None]
    scale = (1 + gamma) * weight * torch.rsqrt(variance + norm.norm.eps)
    return torch.addcmul((1 + gamma) * bias + beta, centred, scale)


def _kept(x: Tensor, mask: Tensor | None) -> Tensor:
    return x if mask is None else x * mask
