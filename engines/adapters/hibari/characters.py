"""Change a voice's character in the vocoder's own parameters, before there is any sound.

For each frame the network gives a fundamental and spectra, so pitch, formants, intonation and tilt are free
of each other and of time: no filter afterwards could do that, and the times of words stay exact.

The spectrum of the harmonics means something at the network's own harmonics only; between them it is
arbitrary, and that is what another fundamental would read. So it is read there, and drawn anew between.
"""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from engines.adapters.hibari.network import BIN_HERTZ, Frames

Floats = NDArray[np.float32]
VOICED = 40.0
"""Hertz: a fundamental below it means that there is no voice"""
HIGHEST_HARMONIC = 11_500.0
"""Hertz: the network's spectra are empty above"""
TILT_FROM = 500.0
"""Hertz: the tilt leaves alone what is below"""
NEPERS_PER_DECIBEL = np.log(10) / 20


class Character(msgspec.Struct, frozen=True):
    """How a voice differs from the plain one."""

    pitch: float = 1.0
    """factor of the fundamental"""
    formants: float = 1.0
    """factor of all resonances: below 1 a longer throat"""
    intonation: float = 1.0
    """factor of how far the fundamental departs from its mean"""
    tilt: float = 0.0
    """decibels an octave that high frequencies are lifted by"""
    pace: float = 1.0
    """speed that the network is asked for, which it follows roughly"""
    gain: float = 7.3
    """decibels that bring it to the loudness of all voices"""


PLAIN = Character()


def shape(frames: Frames, character: Character) -> Frames:
    """Return frames in another character; the same where it is plain."""
    if _is_plain(character):
        return frames
    bins = np.arange(len(frames.harmonic_log), dtype=np.float32) / np.float32(character.formants)
    harmonic_log, harmonic_phase = _redraw_harmonics(frames, bins)
    tilt = _tilt(len(bins), character.tilt)
    return msgspec.structs.replace(
        frames,
        harmonic_log=harmonic_log + tilt,
        harmonic_phase=harmonic_phase,
        noise_log=_stretch(frames.noise_log, bins) + tilt,
        free_log=_stretch(frames.free_log, bins) + tilt,
        fundamental=_move_fundamental(frames.fundamental, character),
    )


def _is_plain(character: Character) -> bool:
    return (character.pitch, character.formants, character.intonation, character.tilt) == (1, 1, 1, 0)


def _redraw_harmonics(frames: Frames, bins: Floats) -> tuple[Floats, Floats]:
    """Return the harmonics' log magnitudes and phases at some bins, [bins, frames], read at the network's
    harmonics: magnitudes between two of them interpolated, phases those of the nearest.
    """
    log, phase = frames.harmonic_log, frames.harmonic_phase
    voiced = np.flatnonzero(frames.fundamental > VOICED)
    spacing = frames.fundamental[voiced] / BIN_HERTZ
    last = np.floor(HIGHEST_HARMONIC / BIN_HERTZ / spacing) - 1
    place = np.clip(bins[:, None] / spacing - 1, 0, last)
    lower = np.floor(place)
    part = place - lower
    columns = log[:, voiced]
    below = np.take_along_axis(columns, _bin_of(lower, spacing, len(log)), 0)
    above = np.take_along_axis(columns, _bin_of(np.minimum(lower + 1, last), spacing, len(log)), 0)
    nearest = _bin_of(np.rint(place), spacing, len(log))
    new_log, new_phase = _stretch(log, bins), _stretch(phase, bins)
    new_log[:, voiced] = below + part * (above - below)
    new_phase[:, voiced] = np.take_along_axis(phase[:, voiced], nearest, 0)
    return new_log, new_phase


def _bin_of(harmonic: Floats, spacing: Floats, count: int) -> NDArray[np.intp]:
    """Return the bins in which harmonics lie, counted from 0."""
    return np.asarray(np.minimum(np.rint((harmonic + 1) * spacing), count - 1), np.intp)


def _stretch(spectra: Floats, bins: Floats) -> Floats:
    """Return spectra, [bins, frames], read at other bins, the last one wherever there are no more."""
    lower = np.minimum(bins.astype(np.intp), len(spectra) - 2)
    part = np.minimum(bins - lower, 1).astype(np.float32)[:, None]
    return np.asarray(spectra[lower] * (1 - part) + spectra[lower + 1] * part, np.float32)


def _tilt(count: int, decibels: float) -> Floats:
    hertz = np.maximum(np.arange(count) * BIN_HERTZ, TILT_FROM)
    nepers = decibels * NEPERS_PER_DECIBEL * np.log2(hertz / TILT_FROM)
    return np.asarray(nepers, np.float32)[:, None]


def _move_fundamental(fundamental: Floats, character: Character) -> Floats:
    """Return a fundamental, [frames] in Hertz, moved, with its departures from its mean scaled."""
    voiced = fundamental > VOICED
    if not voiced.any():
        return fundamental
    moved = fundamental.copy()
    logs = np.log(fundamental[voiced])
    mean = logs.mean()
    moved[voiced] = character.pitch * np.exp(mean + character.intonation * (logs - mean))
    return moved
