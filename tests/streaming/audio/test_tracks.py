"""Tests of which track of a recording is heard, by tones: each track has one of its own."""

from __future__ import annotations

import io

import numpy as np
import pytest
from muxed import RATE, Samples, Track, muxed, once

from engines.errors import BadAudio
from streaming.audio import tracks
from streaming.audio.decode import decode, probe

FIRST, SECOND, THIRD = 440.0, 660.0, 880.0


def tone(frequency: float, seconds: float = 1.0, level: float = 0.3) -> Samples:
    return level * np.sin(2 * np.pi * frequency * np.arange(round(seconds * RATE)) / RATE)


def silence(seconds: float = 1.0) -> Samples:
    return np.zeros(round(seconds * RATE))


def voice(frequency: float, seconds: float = 2.0) -> Samples:
    """Return a tone in syllables, each soft at its begin and end, with pauses between some of them."""
    at = np.arange(round(seconds * RATE)) / RATE
    return np.asarray(tone(frequency, seconds) * np.sin(np.pi * 4 * at) ** 2 * (np.floor(at * 4) % 5 > 0))


def noise(level: float, seconds: float = 2.0, width: int = 1) -> Samples:
    """Return noise of a root mean square, of low tones only where it is `width` samples wide."""
    made = np.random.default_rng(3).standard_normal(round(seconds * RATE))
    made = np.convolve(made, np.ones(width), "same")
    return np.asarray(level * made / np.sqrt((made**2).mean()))


QUIET = {
    "faint noise": noise(0.0008),
    "loud noise": noise(0.1),
    "rumble": noise(0.05, width=480),
    "hum": tone(50.0, 2.0, 0.1),
    "an offset": np.full(2 * RATE, 0.015),
    "an offset and faint noise": 0.015 + noise(0.0003),
    "a beep": np.concatenate([silence(0.53), tone(1000.0, 0.4), silence(1.07)]),
    "two beeps": np.concatenate(
        [silence(0.53), tone(1000.0, 0.4), silence(0.3), tone(1000.0, 0.5), silence(0.27)]
    ),
}


@pytest.mark.parametrize("first", QUIET)
def test_tracks_without_a_voice_are_passed_over(first: str) -> None:
    """Noise, hum, an offset or a beep on the first track is no voice: the next track that has one is heard."""
    for codec in ("flac", "libopus"):
        data = muxed(
            "matroska", once(QUIET[first], codec=codec, default=True), once(voice(THIRD), codec=codec)
        )
        assert heard(data) == pytest.approx(THIRD, rel=0.01), codec


def test_a_voice_on_the_first_track_stays() -> None:
    """The first track is heard where it has a voice, though it is short and others have one too."""
    short = np.concatenate([silence(0.5), voice(FIRST, 1.0), silence(0.5)])

    assert heard(muxed("matroska", once(short), once(voice(SECOND, 4.0)))) == pytest.approx(FIRST, rel=0.01)


@pytest.mark.parametrize("silent", [9, 30])
def test_any_track_may_have_the_voice(silent: int) -> None:
    """The voice is found behind however many silent tracks a recorder makes."""
    made = [once(silence(), codec="flac") for _ in range(silent)]

    assert heard(muxed("matroska", *made, once(tone(SECOND), codec="flac"))) == pytest.approx(
        SECOND, rel=0.01
    )


def heard(data: bytes) -> float:
    """Return the frequency that is heard in a recording, in Hertz; 0 for silence."""
    pcm = np.frombuffer(b"".join(decode(io.BytesIO(data), rate=16_000, max_seconds=600)), "<i2").astype(float)
    spectrum = np.abs(np.fft.rfft(pcm))
    return float(np.argmax(spectrum) * 16_000 / len(pcm)) if np.abs(pcm).max() > 100 else 0.0


def test_the_default_track() -> None:
    """Of several tracks with sound the one that is marked as default is heard, wherever it stands."""
    for position in range(3):
        made = [once(tone(440.0 + 220 * at), default=at == position) for at in range(3)]

        assert heard(muxed("matroska", *made)) == pytest.approx(440 + 220 * position, rel=0.01)


def test_the_first_track() -> None:
    """Where no track is marked, or several are, the first of them is heard."""
    for marked in (False, True):
        made = [once(tone(frequency), default=marked) for frequency in (FIRST, SECOND)]
        assert heard(muxed("matroska", *made)) == pytest.approx(FIRST, rel=0.01)


@pytest.mark.parametrize(
    ("container", "codec"), [("matroska", "libopus"), ("mp4", "aac"), ("mov", "pcm_s16le"), ("mpegts", "mp2")]
)
def test_silent_tracks_are_passed_over(container: str, codec: str) -> None:
    """A track that is silent or empty is passed over for the next with sound, even where it is the default."""
    hushed = tone(FIRST, level=0.0003)  # dither, hum of a plug that is open
    sounding = once(tone(THIRD), codec=codec)
    for quiet in (silence(), hushed):
        for default in (False, True):
            first = once(quiet, codec=codec, default=default)
            data = muxed(container, first, once(silence(), codec=codec), sounding)
            assert heard(data) == pytest.approx(THIRD, rel=0.01)
    if container in ("matroska", "mov"):
        empty = Track([], codec=codec, default=True)
        assert heard(muxed(container, empty, sounding)) == pytest.approx(THIRD, rel=0.01)


def test_a_default_track_that_begins_with_silence() -> None:
    """The default track is heard though it is silent at first, when another has sound already."""
    late = Track([(0.0, np.concatenate([silence(2.0), tone(SECOND)]))], default=True)
    missing = Track([(2.0, tone(SECOND))], default=True)

    for default in (late, missing):
        assert heard(muxed("matroska", once(tone(FIRST, 3.0)), default)) == pytest.approx(SECOND, rel=0.01)


def test_a_lone_click_is_no_sound() -> None:
    """A track with nothing but a click is as silent."""
    click = silence()
    click[100:140] = 0.5

    assert heard(muxed("matroska", once(click, default=True), once(tone(SECOND)))) == pytest.approx(
        SECOND, rel=0.01
    )


def test_comments_stand_back() -> None:
    """A commentary is heard only where there is nothing else with sound, or where it is the default."""
    comment = once(tone(FIRST), comment=True)

    assert heard(muxed("matroska", comment, once(tone(SECOND)))) == pytest.approx(SECOND, rel=0.01)
    assert heard(muxed("matroska", comment, once(silence()))) == pytest.approx(FIRST, rel=0.01)


def test_silence_in_all_tracks() -> None:
    """Tracks that are all silent are silence, and no error; a recording without frames in any is refused."""
    assert heard(muxed("matroska", once(silence()), once(silence()))) == 0
    with pytest.raises(BadAudio, match="could not be decoded"):
        heard(muxed("matroska", Track([]), Track([])))


def test_tracks_in_antiphase_have_sound() -> None:
    """A first track whose channels cancel each other is no silent one."""
    sound = tone(FIRST)
    opposed = once(np.stack([sound, -sound]), codec="flac", layout="stereo")

    assert heard(muxed("matroska", opposed, once(tone(SECOND), codec="flac"))) == pytest.approx(
        FIRST, rel=0.01
    )


def test_the_search_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sound is looked for in the first minutes only: then the track is heard that had some."""
    monkeypatch.setattr(tracks, "SEARCH_SECONDS", 1.0)
    late = once(np.concatenate([silence(3.0), tone(FIRST)]), default=True)

    assert heard(muxed("matroska", late, once(tone(SECOND, 4.0)))) == pytest.approx(SECOND, rel=0.01)
    assert heard(muxed("matroska", late, once(silence(4.0)))) == pytest.approx(FIRST, rel=0.01)


def test_facts_are_those_of_the_track_that_is_heard() -> None:
    """What is told of a recording is told of the track that is heard."""
    quiet = once(silence(), codec="flac", default=True)
    data = muxed("matroska", quiet, once(np.stack([tone(FIRST)] * 2), layout="stereo"))

    facts = probe(io.BytesIO(data))
    assert (facts.codec, facts.channels) == ("opus", 2)
