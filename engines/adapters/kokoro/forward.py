"""Kokoro's network over several utterances at once, each as if it were alone.

The library runs one utterance at a time. Here its own layers run over padded batches: attention is masked and
LSTMs are packed; from the frames on, what lies behind an utterance's end is zero wherever a convolution
looks, and normalization over time counts an utterance's own frames only. The vocoder's source (sines and
noise) and its Fourier transforms are made for each utterance by itself: they reflect at its end, and its
noise is its own. One utterance alone goes through the library's layers as they are.

What comes before the decoder is not continuous: durations are rounded to frames, and the source's phases jump
at the half turn. So the last bits, which depend on who shares a batch, may be audible. An utterance that
must always come out the same has that part run by itself (`reproducible`); it is a twentieth of the work.

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

from engines.api import Stop

STYLE = 128
"""numbers of a voice's row that say how it sounds; as many behind them say how it moves"""
MAX_LENGTH_RATIO = 1.25
"""how much longer than its shortest an utterance of a batch may be: padding is wasted work"""
ROOT_HALF = 0.5**0.5

Check = Callable[[Sequence[int]], None]
"""raises Stop once nobody wants any of the utterances with these indexes"""


class Noise:
    """The random numbers of one job, however many jobs draw in between.

    The library draws from the process's own source, whose state is replaced while one job draws.
    """

    def __init__(self, seed: int, device: torch.device) -> None:
        self._source: Any = torch if device.type == "cpu" else torch.get_device_module(device)
        self._device_argument = (device,) if device.type == "cuda" else ()
        """each of several GPUs draws from a source of its own"""
        self._state = torch.Generator(device).manual_seed(seed).get_state()

    def draw(self, make: Callable[[], Tensor]) -> Tensor:
        """Return what `make` makes of the job's next random numbers. One thread at a time."""
        self._source.set_rng_state(self._state, *self._device_argument)
        drawn = make()
        self._state = self._source.get_rng_state(*self._device_argument)
        return drawn


class Utterance(msgspec.Struct, frozen=True, eq=False):
    """What is spoken at once."""

    ids: Sequence[int]
    """of its phonemes, without the zeros around them"""
    voice: Tensor
    """the row of a voice, [1, 256]"""
    speed: float
    noise: Noise
    reproducible: bool = True
    """comes out the same whoever shares its batch, but for the last bits"""


class UtteranceAudio(msgspec.Struct, frozen=True, eq=False):
    """The audio of an utterance."""

    index: int
    """of the utterance, among those that were given"""
    audio: Tensor
    """float32 at 24 kHz, not limited"""
    frames: list[int]
    """how many each of its ids lasts, and both ends"""


class UtterancePlan(msgspec.Struct, frozen=True, eq=False):
    """An utterance before the decoder: what each of its frames is to sound like."""

    index: int
    utterance: Utterance
    frames: list[int]
    """how many each of its ids lasts, and both ends"""
    text: Tensor
    """[F, C]"""
    pitch: Tensor
    """in Hertz, [2 F]"""
    energy: Tensor
    """[2 F]"""

    @property
    def length(self) -> int:
        """Return how many frames it lasts."""
        return len(self.text)


@torch.inference_mode()  # type: ignore[untyped-decorator]  # a library without types
def synthesise(
    network: KModel, utterances: Sequence[Utterance], batch_size: int, check: Check
) -> Iterator[UtteranceAudio]:
    """Yield the audio of utterances, the shortest first.

    At most `batch_size` of about the same length go through the decoder at once. `check` is called now and
    then with the indexes of those in the decoder; where it raises Stop, they are left out.
    """
    indexed = list(enumerate(utterances))
    groups = [[one] for one in indexed if one[1].reproducible]
    groups.append([one for one in indexed if not one[1].reproducible])
    plans = [plan for group in groups if group for plan in _plan_batch(network, group)]
    plans.sort(key=lambda plan: plan.length)
    while plans:
        longest = MAX_LENGTH_RATIO * plans[0].length
        batch = [plan for plan in plans[:batch_size] if plan.length <= longest]
        plans = plans[len(batch) :]
        with suppress(Stop):
            audios = _decode_batch(network, batch, partial(check, [plan.index for plan in batch]))
            for plan, audio in zip(batch, audios, strict=True):
                yield UtteranceAudio(plan.index, audio, plan.frames)


# Phonemes...


def _plan_batch(network: KModel, indexed: Sequence[tuple[int, Utterance]]) -> list[UtterancePlan]:
    """Return how long each phoneme lasts, and what each frame is to sound like."""
    device = network.device
    utterances = [utterance for _, utterance in indexed]
    ids = pad_sequence([torch.tensor([0, *one.ids, 0]) for one in utterances], batch_first=True).to(device)
    lengths = torch.tensor([len(one.ids) + 2 for one in utterances])
    padding = (torch.arange(ids.shape[1])[None] >= lengths[:, None]).to(device)
    style = torch.cat([one.voice for one in utterances]).to(device)[:, STYLE:]
    speeds = torch.tensor([one.speed for one in utterances], device=device)

    encoded = network.bert_encoder(network.bert(ids, attention_mask=(~padding).int())).transpose(-1, -2)
    prosody = network.predictor.text_encoder(encoded, style, lengths, padding)
    text = network.text_encoder(ids, lengths, padding).transpose(-1, -2)
    durations = _durations(network.predictor, prosody, lengths, speeds)
    frames = [row[:length] for row, length in zip(durations, lengths.tolist(), strict=True)]
    prosodies = [_repeat_for_frames(row, own) for row, own in zip(prosody, frames, strict=True)]
    texts = [_repeat_for_frames(row, own) for row, own in zip(text, frames, strict=True)]

    masks = FrameMasks([len(one) for one in texts])
    pitches, energies = _pitch_and_energy(network.predictor, prosodies, style, masks)
    plans = []
    for row, (index, utterance) in enumerate(indexed):
        end = 2 * len(texts[row])
        pitch, energy = pitches[row, 0, :end], energies[row, 0, :end]
        plans.append(UtterancePlan(index, utterance, frames[row].tolist(), texts[row], pitch, energy))
    return plans


def _durations(predictor: Any, prosody: Tensor, lengths: Tensor, speeds: Tensor) -> Tensor:  # noqa: ANN401 - ProsodyPredictor
    """Return how many frames each phoneme lasts, [B, T]."""
    hidden = _run_lstm(predictor.lstm, prosody, lengths)
    weights = torch.sigmoid(predictor.duration_proj(hidden)).sum(-1)
    return torch.round(weights / speeds[:, None]).clamp(min=1).long()


def _repeat_for_frames(row: Tensor, frames: Tensor) -> Tensor:
    """Return each phoneme's numbers [T, C] as many times as it has frames, [F, C]."""
    return row[: len(frames)].repeat_interleave(frames, 0)


def _run_lstm(lstm: nn.LSTM, rows: Tensor, lengths: Tensor) -> Tensor:
    """Return what an LSTM makes of [B, T, C], both ways over each row's own length."""
    if len(rows) == 1:
        return torch.as_tensor(lstm(rows)[0])
    packed = pack_padded_sequence(rows, lengths, batch_first=True, enforce_sorted=False)
    return pad_packed_sequence(lstm(packed)[0], batch_first=True)[0]


# Frames...


class FrameMasks:
    """Masks of the frames that are an utterance's own, at each of the rates they pass through."""

    def __init__(self, lengths: Sequence[int]) -> None:
        self.lengths = torch.tensor(lengths)
        self._all_equal = min(lengths) == max(lengths)
        self._masks: dict[tuple[int, int], Tensor] = {}

    def mask(self, x: Tensor, scale: int, extra: int = 0) -> Tensor | None:
        """Return [B, 1, frames] of ones and zeros, for lengths `scale` as long and `extra` more.

        None where all utterances are of one length, and nothing is to be masked.
        """
        if self._all_equal:
            return None
        if (scale, extra) not in self._masks:
            ends = self.lengths.to(x.device) * scale + extra
            inside = torch.arange(x.shape[-1], device=x.device)[None] < ends[:, None]
            self._masks[scale, extra] = inside[:, None].to(x.dtype)
        return self._masks[scale, extra]


def _pitch_and_energy(
    predictor: Any,  # noqa: ANN401 - ProsodyPredictor
    prosodies: Sequence[Tensor],
    style: Tensor,
    masks: FrameMasks,
) -> tuple[Tensor, Tensor]:
    """Return pitch and energy, [B, 1, 2 F] each, of prosodies, [F, C] each."""
    padded = pad_sequence(list(prosodies), batch_first=True)
    shared = _run_lstm(predictor.shared, padded, masks.lengths).transpose(-1, -2)
    curves = []
    for blocks, projection in ((predictor.F0, predictor.F0_proj), (predictor.N, predictor.N_proj)):
        x = shared
        scale = 1
        for block in blocks:
            x, scale = _residual_block(block, x, style, masks, scale)
        curves.append(projection(x))
    return curves[0], curves[1]


def _decode_batch(
    network: KModel, plans: Sequence[UtterancePlan], check: Callable[[], None]
) -> Iterator[Tensor]:
    """Yield the audio of plans of about the same length."""
    check()
    masks = FrameMasks([plan.length for plan in plans])
    style = torch.cat([plan.utterance.voice for plan in plans]).to(network.device)[:, :STYLE]
    text = pad_sequence([plan.text for plan in plans], batch_first=True).transpose(-1, -2)
    pitch = pad_sequence([plan.pitch for plan in plans], batch_first=True)[:, None]
    energy = pad_sequence([plan.energy for plan in plans], batch_first=True)[:, None]
    decoded = _run_decoder(network.decoder, text, pitch, energy, style, masks)
    check()
    generator = network.decoder.generator
    sources = [plan.utterance.noise.draw(partial(_source_spectrum, generator, plan.pitch)) for plan in plans]
    source = pad_sequence([one.T for one in sources], batch_first=True).transpose(-1, -2)
    spectrum = _run_generator(generator, decoded, style, source, masks, check)
    bins = generator.post_n_fft // 2 + 1
    for row, own_source in zip(spectrum, sources, strict=True):
        frames = own_source.shape[-1]
        magnitude = torch.exp(row[None, :bins, :frames])
        phase = torch.sin(row[None, bins:, :frames])
        yield generator.stft.inverse(magnitude, phase).flatten().cpu()


def _run_decoder(
    decoder: nn.Module, text: Tensor, pitch: Tensor, energy: Tensor, style: Tensor, masks: FrameMasks
) -> Tensor:
    """Return what the generator makes sound of, [B, C, 2 F]."""
    layers: Any = decoder
    pitch = layers.F0_conv(pitch)
    energy = layers.N_conv(energy)
    x, scale = _residual_block(layers.encode, torch.cat([text, pitch, energy], 1), style, masks, 1)
    text_residual = layers.asr_res(text)
    for block in layers.decode:
        if scale == 1:
            x = torch.cat([x, text_residual, pitch, energy], 1)
        x, scale = _residual_block(block, x, style, masks, scale)
    return x


def _residual_block(
    block: Any,  # noqa: ANN401 - AdainResBlk1d
    x: Tensor,
    style: Tensor,
    masks: FrameMasks,
    scale: int,
) -> tuple[Tensor, int]:
    """Return what a residual block makes of `x`, and the scale of its frames, which it may double.

    What lies behind an utterance's end comes out as zero.
    """
    mask_before = masks.mask(x, scale)
    scale_after = scale if block.upsample_type == "none" else 2 * scale
    y = block.actv(_adaptive_norm(block.norm1, x, style, mask_before))
    y = block.pool(_apply_mask(y, mask_before))
    mask_after = masks.mask(y, scale_after)
    y = block.conv1(_apply_mask(y, mask_after))
    y = block.actv(_adaptive_norm(block.norm2, y, style, mask_after))
    y = block.conv2(_apply_mask(y, mask_after))
    return _apply_mask((y + block._shortcut(x)) * ROOT_HALF, mask_after), scale_after


# Samples...


def _source_spectrum(generator: Any, pitch: Tensor) -> Tensor:  # noqa: ANN401 - Generator
    """Return the spectrum of one utterance's source, of its pitch [2 F]: magnitude and phase, [C, frames]."""
    waves, _, _ = generator.m_source(generator.f0_upsamp(pitch[None, None]).transpose(1, 2))
    return torch.cat(generator.stft.transform(waves.transpose(1, 2).squeeze(1)), 1)[0]


def _run_generator(
    generator: Any,  # noqa: ANN401 - Generator
    x: Tensor,
    style: Tensor,
    source: Tensor,
    masks: FrameMasks,
    check: Callable[[], None],
) -> Tensor:
    """Return the spectrum of the audio, [B, C, frames]."""
    scale = 2
    last = generator.num_upsamples - 1
    for step in range(generator.num_upsamples):
        x = generator.ups[step](_apply_mask(F.leaky_relu(x, 0.1), masks.mask(x, scale)))
        scale *= generator.ups[step].stride[0]
        x = generator.reflection_pad(x) if step == last else x
        mask = masks.mask(x, scale, int(step == last))
        step_source = _apply_mask(generator.noise_convs[step](source), mask)
        x = x + _generator_block(generator.noise_res[step], step_source, style, mask)
        check()
        total: Tensor | None = None
        for kernel in range(generator.num_kernels):
            block = generator.resblocks[step * generator.num_kernels + kernel]
            added = _generator_block(block, x, style, mask)
            total = added if total is None else total.add_(added)
            check()
        x = (x if total is None else total) / generator.num_kernels
    x = _apply_mask(F.leaky_relu(x), mask)
    return torch.as_tensor(generator.conv_post(x))


def _generator_block(block: Any, x: Tensor, style: Tensor, mask: Tensor | None) -> Tensor:  # noqa: ANN401 - AdaINResBlock1
    layers = zip(
        block.convs1, block.convs2, block.adain1, block.adain2, block.alpha1, block.alpha2, strict=True
    )
    for conv1, conv2, norm1, norm2, alpha1, alpha2 in layers:
        y = conv1(_apply_mask(_snake(_adaptive_norm(norm1, x, style, mask), alpha1), mask))
        x = conv2(_apply_mask(_snake(_adaptive_norm(norm2, y, style, mask), alpha2), mask)) + x
    return x


def _snake(x: Tensor, alpha: Tensor) -> Tensor:
    """Return the Snake activation of `x`."""
    return torch.addcmul(x, 1 / alpha, torch.sin(alpha * x).square_())


def _adaptive_norm(norm: Any, x: Tensor, style: Tensor, mask: Tensor | None) -> Tensor:  # noqa: ANN401 - AdaIN1d
    """Return [B, C, frames] normalized over each utterance's own frames, scaled and shifted by the style."""
    if mask is None:
        return torch.as_tensor(norm(x, style))
    gamma, beta = norm.fc(style)[:, :, None].chunk(2, 1)
    count = mask.sum(-1, keepdim=True)
    centred = x - (x * mask).sum(-1, keepdim=True) / count
    variance = (centred.square() * mask).sum(-1, keepdim=True) / count
    weight = norm.norm.weight[:, None]
    bias = norm.norm.bias[:, None]
    scale = (1 + gamma) * weight * torch.rsqrt(variance + norm.norm.eps)
    return torch.addcmul((1 + gamma) * bias + beta, centred, scale)


def _apply_mask(x: Tensor, mask: Tensor | None) -> Tensor:
    return x if mask is None else x * mask
