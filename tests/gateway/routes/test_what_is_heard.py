"""End-to-end tests that what was recorded is heard: in whichever track, channel and time it is.

Each file is made of the same real speech, and must come to the same words as the speech alone.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest
from audio_measures import Samples
from cloning_server import call, create_profile, json_of
from decoded import decoded
from muxed import RATE, Track, muxed, once
from recordings import JFK
from servers import Server

KEYWORD = "america"


@lru_cache(1)
def speech() -> Samples:
    """Return the first three seconds of the speech: "and so my fellow americans"."""
    return decoded(JFK.read_bytes(), rate=RATE)[: 3 * RATE]


def silence(seconds: float = 3.0) -> Samples:
    return np.zeros(round(seconds * RATE))


def voice_in_second_track() -> bytes:
    return muxed("matroska", once(silence(), default=True), once(speech()))


def opposed_channels() -> bytes:
    return muxed("flac", once(np.stack([speech(), -speech()]), codec="flac", layout="stereo"))


def voice_at_the_sides() -> bytes:
    hum = 0.05 * np.sin(2 * np.pi * 50 * np.arange(len(speech())) / RATE)
    sides = np.stack([hum + 0.9 * speech(), hum - 0.9 * speech()])
    return muxed("matroska", once(sides, codec="flac", layout="stereo"))


def opposed_surround() -> bytes:
    channels = np.zeros((6, len(speech())))
    channels[4], channels[5] = speech(), -speech()
    return muxed("matroska", once(channels, codec="flac", layout="5.1"))


HARD = {
    "second track": voice_in_second_track,
    "antiphase": opposed_channels,
    "at the sides": voice_at_the_sides,
    "surround": opposed_surround,
}


@pytest.mark.parametrize("kind", HARD)
def test_hard_recordings(server: Server, kind: str) -> None:
    """A voice in another track, or in channels that cancel each other, is transcribed."""
    text = server.sdk().audio.transcriptions.create(model="whisper-1", file=("a.bin", HARD[kind]())).text

    assert KEYWORD in text


def test_the_marked_track(server: Server) -> None:
    """Of two tracks with speech the one that is marked as default is transcribed, and only that."""
    other = decoded(JFK.read_bytes(), rate=RATE)[5 * RATE : 8 * RATE]
    data = muxed("matroska", once(other), once(speech(), default=True))
    text = server.sdk().audio.transcriptions.create(model="whisper-1", file=("a.mkv", data)).text

    assert KEYWORD in text
    assert "country" not in text


def test_times_of_subtitles(server: Server) -> None:
    """Cues stand where the speech is heard when it begins behind the picture, and behind a hole."""
    data = muxed("matroska", Track([(4.0, speech()), (10.0, speech())]), video_seconds=14.0)
    sdk = server.sdk()
    answer = sdk.audio.transcriptions.create(
        model="whisper-1",
        file=("a.mkv", data),
        response_format="verbose_json",
        timestamp_granularities=["word", "segment"],
    )
    found = [word.start for word in answer.words or () if KEYWORD in word.word]

    assert answer.duration == pytest.approx(13.0, abs=0.1)
    assert len(found) == 2
    assert 5.0 < found[0] < 6.5
    assert found[1] - found[0] == pytest.approx(6.0, abs=0.2)
    srt = sdk.audio.transcriptions.create(model="whisper-1", file=("a.mkv", data), response_format="srt")
    assert srt.startswith("1\n00:00:04,")


@pytest.mark.parametrize("kind", ["second track", "antiphase"])
def test_samples_of_voices(cloning: Server, kind: str) -> None:
    """A sample whose voice is in another track, or in opposed channels, is taken, and is that voice."""
    voice = create_profile(cloning)
    path = f"/voicebox/profiles/{voice['id']}/samples"
    fields = {"transcript": "And so, my fellow Americans"}
    added = json_of(
        call(cloning, "POST", path, data=fields, files={"file": ("sample", HARD[kind](), "video/webm")})
    )
    sample = decoded(call(cloning, "GET", f"{path}/{added['id']}/audio").content, rate=16_000)
    plain = decoded(muxed("wav", once(speech(), codec="pcm_s16le")), rate=16_000)

    assert 2.0 < added["seconds"] <= 3.1
    loud = np.abs(sample) > 0.3 * np.abs(sample).max()
    assert loud.mean() == pytest.approx((np.abs(plain) > 0.3 * np.abs(plain).max()).mean(), rel=0.5)


def test_a_sample_that_begins_late(cloning: Server) -> None:
    """A sample that begins behind the picture is only what is heard of it, and is cut by the player's time."""
    voice = create_profile(cloning)
    data = muxed("matroska", Track([(4.0, speech())]), video_seconds=7.0)
    fields = {"transcript": "And so, my fellow Americans"}
    path = f"/voicebox/profiles/{voice['id']}/samples"
    added = json_of(call(cloning, "POST", path, data=fields, files={"file": ("a.mkv", data, "video/webm")}))
    assert 2.0 < added["seconds"] <= 3.1

    trim = call(cloning, "POST", f"{path}/{added['id']}/trim", json={"start": 4.2, "end": 6.4})
    assert 1.5 < json_of(trim)["seconds"] <= 2.2
