"""Checks of a recorded voice: each raises BadAudio with the figure that is wrong."""

from __future__ import annotations

import math

from engines.errors import BadAudio
from voices.samples import measures as measure
from voices.samples.measures import FrameMask, Levels, Sound

TOLERANCE_SECONDS = 0.1
"""seconds that a recording may be longer than the longest, and a part than the recording: encoders add some,
people round
"""
QUIETEST = -50.0
"""dBFS that the loudest frame reaches"""
LEAST_ACTIVE = 0.2
"""share of the frames that are not silence"""
MOST_CLIPPED = 0.01
"""share of the samples"""
LEAST_MOVEMENT = 3.0
"""decibels: tones and hum have 2 at most, speech 8 at least, be it compressed or only 5 dB above noise"""
LEAST_VOICED = 0.2
"""share of the loud frames: speech has 0.33 and more, rumble 0.16 at most, other noise 0.02"""


def long_enough(seconds: float, least: float) -> None:
    """Raise `audio_too_short` for a sound of less than `least` seconds."""
    if seconds < least:
        raise too_short(f"only {math.floor(seconds * 100) / 100:g}", least)


def too_short(held: str, least: float) -> BadAudio:
    """Return the error of a sound that is too short; both in seconds."""
    return BadAudio(
        f"The recording holds {held} s of sound; at least {least:g} s is needed.", code="audio_too_short"
    )


def short_enough(seconds: float, most: float, *, counted: bool = True) -> None:
    """Raise `audio_too_long` for a recording of more than `most` seconds; it is longer still unless it was
    `counted` to its end.
    """
    if seconds > most + TOLERANCE_SECONDS:
        length = f"{math.ceil(seconds * 10) / 10:g} s" if counted else f"more than {math.floor(seconds):g} s"
        raise BadAudio(f"The recording has {length}; at most {most:g} s is taken.", code="audio_too_long")


def within(start: float, end: float, seconds: float) -> None:
    """Raise `invalid_value` for a part, from `start` to `end`, that is not in a recording; all in seconds."""
    part = f"The part from {start:g} s to {end:g} s"
    if not 0 <= start < end:
        raise BadAudio(
            f"{part} is none: it should start at 0 s or later, and end after that.", code="invalid_value"
        )
    if start >= seconds or end > seconds + TOLERANCE_SECONDS:
        raise BadAudio(f"{part} is not in the recording, which has {seconds:.2f} s.", code="invalid_value")


def audible(loudest: float) -> None:
    """Raise `audio_silent` where the loudest frame is too quiet; in dBFS."""
    if loudest < QUIETEST:
        level = f"where it is loudest it has {loudest:.1f} dBFS; at least {QUIETEST:g} dBFS is needed."
        raise BadAudio(f"The recording is silent: {level}", code="audio_silent")


def filled(active: float) -> None:
    """Raise `audio_silent` where too small a share, 0..1, is not silence."""
    if active < LEAST_ACTIVE:
        figures = f"{_percent(active)} of it is sound; at least {_percent(LEAST_ACTIVE)} is needed."
        raise BadAudio(f"The recording is mostly silent: {figures}", code="audio_silent")


def clean(clipped: float) -> None:
    """Raise `audio_clipped` where too large a share of the samples, 0..1, is clipped."""
    if clipped > MOST_CLIPPED:
        share = f"{_percent(clipped)} of its samples are; at most {_percent(MOST_CLIPPED)} is taken."
        message = f"The recording is clipped: {share} Record it again, less loud."
        raise BadAudio(message, code="audio_clipped")


def spoken(sound: Sound, rate: int, levels: Levels, gate: FrameMask) -> None:
    """Raise `no_speech` for hum, tones and noise, by the levels of a sound's active frames and by its
    pitch.
    """
    movement = measure.movement(levels[gate])
    if movement < LEAST_MOVEMENT:
        raise _no_speech(
            f"its loudness varies by {movement:.1f} dB; that of speech by at least {LEAST_MOVEMENT:g} dB."
        )
    voiced = measure.voiced(sound, rate, measure.loud(levels))
    if voiced < LEAST_VOICED:
        raise _no_speech(
            f"{_percent(voiced)} of its loud parts have a voice's pitch; "
            f"in speech {_percent(LEAST_VOICED)} do."
        )


def _no_speech(reason: str) -> BadAudio:
    return BadAudio(f"There is no speech in the recording: {reason}", code="no_speech")


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"
