"""Tests that what is in any channel of a recording is heard, whatever is in the others."""

from __future__ import annotations

import io

import numpy as np
import pytest
from muxed import RATE, Samples, muxed, once

from streaming.audio.decode import decode

VOICE, MUSIC = 440.0, 1000.0


def tone(frequency: float, seconds: float = 2.0, level: float = 0.3) -> Samples:
    return level * np.sin(2 * np.pi * frequency * np.arange(round(seconds * RATE)) / RATE)


def mixed(*channels: Samples, layout: str = "stereo", codec: str = "flac", rate: int = 16_000) -> Samples:
    container = "wav" if codec.startswith("pcm") else "matroska"  # in which PCM has no layout
    data = muxed(container, once(np.stack(channels), codec=codec, layout=layout))
    pcm = b"".join(decode(io.BytesIO(data), rate=rate, max_seconds=600))
    return np.frombuffer(pcm, "<i2").astype(float) / 32768


def level(sound: Samples, frequency: float, rate: int = 16_000) -> float:
    """Return the amplitude of a frequency in the middle of a sound."""
    middle = sound[len(sound) // 4 : len(sound) * 3 // 4]
    turns = np.exp(-2j * np.pi * frequency * np.arange(len(middle)) / rate)
    window = np.hanning(len(middle))
    return float(2 * abs((middle * turns * window).sum()) / window.sum())


@pytest.mark.parametrize("opposed", [-1.0, -0.9, -0.5])
@pytest.mark.parametrize("rate", [16_000, 24_000, 48_000])
def test_antiphase(opposed: float, rate: int) -> None:
    """A voice that is in both channels with opposite signs is heard, as loud as in one of them, or half."""
    for frequency in (110.0, VOICE, 3000.0):
        sound = mixed(tone(frequency), opposed * tone(frequency), rate=rate)
        assert 0.1 < level(sound, frequency, rate) < 0.35


def test_a_voice_at_the_sides() -> None:
    """A voice in antiphase is heard amid music that is in phase, and the music too."""
    voice, music = tone(VOICE), tone(MUSIC)
    sound = mixed(music + voice, music - voice)

    assert level(sound, VOICE) > 0.15
    assert level(sound, MUSIC) > 0.15


def test_two_speakers() -> None:
    """Both are heard of whom each has a channel."""
    sound = mixed(tone(VOICE), tone(MUSIC))

    assert level(sound, VOICE) > 0.12
    assert level(sound, MUSIC) > 0.12


@pytest.mark.parametrize(
    ("layout", "count"), [("stereo", 2), ("2.1", 3), ("quad", 4), ("5.1", 6), ("5.1(side)", 6), ("7.1", 8)]
)
def test_any_two_channels_in_antiphase(layout: str, count: int) -> None:
    """A sound in any two channels, with the same sign or not, is heard; so is one in a single channel."""
    import av

    names = [channel.name for channel in av.AudioLayout(layout).channels]
    audible = [at for at, name in enumerate(names) if not name.startswith("LFE")]
    nothing = np.zeros(RATE)
    for one in audible:
        for other in audible:
            for sign in (-1, 1):
                channels = [nothing] * count
                channels[one] = tone(VOICE, 1.0)
                channels[other] = sign * tone(VOICE, 1.0)
                assert level(mixed(*channels, layout=layout), VOICE) > 0.01, (names[one], names[other], sign)


def test_the_same_in_both_channels() -> None:
    """A voice that is the same in both channels is what it is in one, sample by sample."""
    voice = tone(VOICE)
    both, one = mixed(voice, voice), mixed(voice, layout="mono")

    assert len(both) == len(one)
    assert np.abs(both - one).max() < 2 / 32768


@pytest.mark.parametrize("seconds", [0.2, 1.0])
def test_channels_that_turn(seconds: float) -> None:
    """A voice is heard without a gap or a click where its channels turn to antiphase, and it stays as long."""
    voice = tone(VOICE, 2.0)
    turned = np.where(np.arange(len(voice)) < seconds * RATE, voice, -voice)
    sound = mixed(voice, turned)

    assert len(sound) == 32_000
    frames = sound[: len(sound) // 320 * 320].reshape(-1, 320)
    assert np.sqrt((frames[1:-1] ** 2).mean(axis=1)).min() > 0.08
    assert np.abs(np.diff(sound)).max() < 0.4


def test_codecs_noise_changes_nothing() -> None:
    """A voice in the middle stays the mean of its channels through a lossy codec."""
    voice = tone(VOICE)
    sound = mixed(voice, voice, codec="libopus")

    assert level(sound, VOICE) == pytest.approx(0.3, rel=0.05)


def test_full_scale() -> None:
    """The loudest channels there can be do not wrap around."""
    square = np.sign(tone(100.0))
    sound = mixed(square, -square)

    assert np.abs(np.diff(sound)).max() < 1.5
    assert np.abs(sound).max() > 0.3


@pytest.mark.parametrize(("layout", "at"), [("2.1", 2), ("5.1", 3), ("7.1", 3)])
@pytest.mark.parametrize("others", ["silence", "noise"])
def test_a_voice_in_the_channel_of_low_tones(layout: str, at: int, others: str) -> None:
    """A microphone whose channel is named as that of low tones is heard, whatever is in the others."""
    count = {"2.1": 3, "5.1": 6, "7.1": 8}[layout]
    made = [np.zeros(2 * RATE) for _ in range(count)]
    if others == "noise":
        made = [0.003 * np.random.default_rng(seed).standard_normal(2 * RATE) for seed in range(count)]
    made[at] = tone(VOICE)

    assert level(mixed(*made, layout=layout, codec="pcm_s16le"), VOICE) > 0.02


def test_low_tones_of_a_film_stay_out() -> None:
    """What a film has in the channel of low tones does not cover its speech."""
    made = [np.zeros(2 * RATE) for _ in range(6)]
    made[2], made[3] = tone(VOICE, level=0.1), tone(60.0, level=0.9)
    sound = mixed(*made, layout="5.1", codec="pcm_s16le")

    assert level(sound, VOICE) > 0.01
    assert level(sound, 60.0) < 0.001
