"""Hibari's thirteen characters: as different as their names, equally loud, and none clipped. Offline."""

from __future__ import annotations

import itertools
import math
from functools import lru_cache

import audio_measures
import numpy as np
import pytest
from decoded import pitch, timbre_distance
from hibari_in_process import RATE, SEED, Spoken, loaded, say
from loudness import integrated_loudness

from engines.adapters.hibari.characters import PLAIN, Character, shape
from engines.adapters.hibari.voices import PRESETS

SPOKEN = (
    "People often travel by train when winter comes to the northern cities. My sister found seven old coins under "
    "the kitchen floor. Good evening, the last bus leaves in twenty minutes from the station."
)
LOUDNESS = -19.0
"""LUFS"""
DEEP = ("onyx", "cedar", "ash", "verse")
HIGH = ("coral", "nova", "shimmer")

pytestmark = pytest.mark.usefixtures("offline")


@lru_cache(13)
def spoken(voice: str) -> Spoken:
    """Return what a voice says."""
    return say(SPOKEN, voice)


@lru_cache(13)
def fundamental(voice: str) -> float:
    """Return the median fundamental of a voice, in Hertz."""
    return pitch(spoken(voice).sound, RATE)


def test_every_two_differ() -> None:
    """Any two are apart: semitones of their fundamentals and decibels between their timbres together."""
    apart = {
        (one, other): math.hypot(
            12 * math.log2(fundamental(one) / fundamental(other)),
            timbre_distance(spoken(one).sound, spoken(other).sound),
        )
        for one, other in itertools.combinations(PRESETS, 2)
    }
    print(sorted((round(far, 1), pair) for pair, far in apart.items())[:6])

    assert min(apart.values()) > 2.0, min(apart, key=lambda pair: apart[pair])


def test_deep_ones_are_deep() -> None:
    """The deep voices are a man's, the high ones above the plain one, and onyx is the deepest of all."""
    print({voice: round(fundamental(voice)) for voice in PRESETS})

    assert all(80 < fundamental(voice) < 135 for voice in DEEP)
    assert all(200 < fundamental(voice) < 270 for voice in HIGH)
    assert min(PRESETS, key=fundamental) == "onyx"
    assert {voice.id: voice.gender for voice in loaded()[1].voices}["onyx"] == "male"


@pytest.mark.parametrize("voice", PRESETS)
def test_equally_loud_and_clean(voice: str) -> None:
    """Every voice is as loud as the others within 1 LU, no sample is at the end of the scale, none clicks."""
    sound = spoken(voice).sound

    assert integrated_loudness(sound, RATE) == pytest.approx(LOUDNESS, abs=1.0)
    assert np.abs(sound).max() < 0.9
    assert audio_measures.clicks(sound, RATE) == []


def test_the_plain_character_changes_nothing() -> None:
    """The plain character gives the network's own frames; another pitch leaves its durations alone."""
    engine = loaded()[0]
    frames = engine._network("heart").run([engine._vocabulary[symbol] for symbol in "həlˈO"], 1.0)
    deep = shape(frames, Character(pitch=0.5))

    assert shape(frames, PLAIN) is frames
    assert np.allclose(deep.fundamental, frames.fundamental * np.where(frames.fundamental > 40, 0.5, 1))
    assert (deep.durations == frames.durations).all()
    assert say(SPOKEN, "").pcm == say(SPOKEN, "marin", seed=SEED).pcm
