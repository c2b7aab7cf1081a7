"""End-to-end tests of speech: a real server, the real SDK, real decoders for what comes back."""

from __future__ import annotations

import asyncio
import base64
import json
from concurrent.futures import ThreadPoolExecutor

import httpx
import numpy as np
import openai
import pytest
from decoded import (
    RATE,
    decoded,
    facts,
    longest_silence,
    loudness,
    pitch,
    same_words,
    timbre_distance,
    voice_distance,
)
from servers import Server

TEXT = "Hello world. This is a test of the speech gateway, and it goes on for a while."
FORMATS = {
    "mp3": ("audio/mpeg", "mp3", "mp3float", 0.10),
    "opus": ("audio/opus", "ogg", "libopus", 0.001),
    "aac": ("audio/aac", "aac", "aac", 0.15),
    "flac": ("audio/flac", "flac", "flac", 0.0),
    "wav": ("audio/wav", "wav", "pcm_s16le", 0.0),
}
WOBBLE = 0.03
"""seconds by which eSpeak NG's own length differs from call to call; tests/streaming/encode/test_codecs.py measures the
codecs exactly
"""
VOICES = [
    "alloy",
    "ash",
    "ballad",
    "cedar",
    "coral",
    "echo",
    "fable",
    "marin",
    "nova",
    "onyx",
    "sage",
    "shimmer",
    "verse",
]


def client(server: Server) -> openai.OpenAI:
    return server.sdk()


def speak(server: Server, text: str = TEXT, **fields: object) -> httpx.Response:
    body = {"model": "tts-1", "voice": "alloy", "input": text, **fields}
    return httpx.post(f"{server.base_url}/audio/speech", json=body, timeout=60)


def pcm(server: Server, text: str = TEXT, **fields: object) -> np.ndarray:
    answer = speak(server, text, response_format="pcm", **fields)
    assert answer.status_code == 200, answer.text
    return decoded(answer.content, "pcm")


@pytest.mark.parametrize("format", FORMATS)
def test_formats(server: Server, format: str) -> None:
    """Every format is what it claims to be, 24 kHz mono, and as long as the PCM, to the codec's own padding;
    its tail is whole.
    """
    media_type, container, codec, padding = FORMATS[format]
    answer = speak(server, response_format=format)
    plain = pcm(server)
    sound = decoded(answer.content, rate=24000)

    assert answer.headers["content-type"] == media_type
    assert "content-encoding" not in answer.headers
    name, decoder, rate, channels = facts(answer.content)
    assert (name, decoder, channels) == (container, codec, 1) or (format == "opus" and decoder == "opus")
    assert rate == (48000 if format == "opus" else 24000)
    assert -WOBBLE <= (len(sound) - len(plain)) / 24000 <= padding + WOBBLE
    assert loudness(sound[-24000:]) == pytest.approx(loudness(plain[-24000:]), rel=0.35, abs=0.003)


def test_default_is_mp3(server: Server) -> None:
    """Without a format the answer is mp3, chunked, with an id."""
    answer = speak(server)

    assert answer.headers["content-type"] == "audio/mpeg"
    assert answer.headers["transfer-encoding"] == "chunked"
    assert answer.headers["x-request-id"].startswith("req_")


def test_wav_header(server: Server) -> None:
    """A streamed WAV has one canonical header of 44 bytes, its sizes left open, and PCM behind it."""
    data = speak(server, response_format="wav").content

    assert data[:4] == b"RIFF"
    assert data[4:8] == data[40:44] == b"\xff\xff\xff\xff"
    assert data.count(b"RIFF") == data.count(b"WAVE") == 1
    assert len(data[44:]) % 2 == 0
    assert same_words(decoded(data[44:], "pcm"), pcm(server))


def test_no_clicks_at_the_start_and_between_segments(server: Server) -> None:
    """Where segments meet, and where the audio begins, no sample jumps further than speech itself does."""
    sentences = [f"Sentence number {number} is here, with some words in it." for number in range(12)]
    sound = pcm(server, " ".join(sentences))
    alone = max(np.abs(np.diff(pcm(server, sentence))).max() for sentence in sentences)

    assert abs(sound[0]) < 0.02
    assert np.abs(np.diff(sound)).max() < 1.15 * alone
    assert longest_silence(sound) < 1.5


def test_all_thirteen_voices_differ(server: Server) -> None:
    """Each of OpenAI's voices speaks, for a plausible time, and none sounds like another."""
    with ThreadPoolExecutor(4) as pool:
        sounds = list(pool.map(lambda voice: pcm(server, voice=voice), VOICES))

    assert all(1.0 < len(sound) / 24000 < 12.0 for sound in sounds)
    for first in range(len(VOICES)):
        for second in range(first):
            assert voice_distance(sounds[first], sounds[second]) > 3, (VOICES[first], VOICES[second])
    again = pcm(server, voice=VOICES[0])
    assert timbre_distance(sounds[0], again) < 1.5


@pytest.mark.parametrize("speed", [0.25, 0.5, 2.0, 4.0])
def test_speed_keeps_pitch(server: Server, speed: float) -> None:
    """Speed changes the duration, not the pitch."""
    text = f"{TEXT} " * 4  # long enough for a median that does not depend on a few frames
    normal, changed = pcm(server, text), pcm(server, text, speed=speed)

    assert len(normal) / len(changed) == pytest.approx(speed, rel=0.25)
    # eSpeak NG itself speaks 20 % higher at its fastest; played faster, speech would be 1.6 to 4 times as
    # high
    assert pitch(changed) == pytest.approx(pitch(normal), rel=0.5)


def test_audio_is_streamed(server: Server) -> None:
    """Audio of a long text is sent while later sentences are still to be synthesised."""
    text = " ".join(f"[slow 0.02] word{number} is spoken here." for number in range(60))
    arrived: list[int] = []
    with httpx.stream(
        "POST", f"{server.base_url}/audio/speech", timeout=60,
        json={"model": "tone", "voice": "alloy", "input": text, "response_format": "pcm"},
    ) as answer:  # fmt: skip
        for chunk in answer.iter_raw():
            arrived.append(len(chunk))

    assert len(arrived) > 5
    assert arrived[0] < sum(arrived) / 4


@pytest.mark.parametrize("format", ["mp3", "pcm", "opus"])
def test_sse(server: Server, format: str) -> None:
    """`stream_format: sse` gives the same file in base64 deltas, then usage that adds up, then [DONE]."""
    answer = speak(server, response_format=format, stream_format="sse")
    records = answer.content.split(b"\r\n\r\n")

    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    assert records[-2:] == [b"data: [DONE]", b""]
    events = [json.loads(record.removeprefix(b"data: ")) for record in records[:-2]]
    assert {event["type"] for event in events[:-1]} == {"speech.audio.delta"}
    file = b"".join(base64.b64decode(event["audio"]) for event in events[:-1])
    assert all(len(base64.b64decode(event["audio"])) <= 4096 for event in events[:-1])
    assert len(decoded(file, format, 24000)) == pytest.approx(len(pcm(server)), abs=2400)
    usage = events[-1]["usage"]
    assert events[-1]["type"] == "speech.audio.done"
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
    assert min(usage.values()) > 0


def test_sdk_sync_and_async(server: Server) -> None:
    """The SDK's methods to get audio, sync and async, all return the same sound."""
    plain = (
        client(server)
        .audio.speech.create(model="tts-1", voice="alloy", input=TEXT, response_format="wav")
        .content
    )
    with client(server).audio.speech.with_streaming_response.create(
        model="gpt-4o-mini-tts", voice={"id": "alloy"}, input=TEXT, response_format="wav"
    ) as streamed:
        pieces = b"".join(streamed.iter_bytes())

    async def asynchronous() -> bytes:
        async with openai.AsyncOpenAI(base_url=server.base_url, api_key="x") as async_client:
            return (await async_client.audio.speech.create(model="tts-1-hd", voice="alloy", input=TEXT, response_format="wav")).content  # fmt: skip

    for other in (pieces, asyncio.run(asynchronous())):
        assert same_words(decoded(plain[44:], "pcm"), decoded(other[44:], "pcm"))


def test_ignored_and_mapped_parameters_are_named(server: Server) -> None:
    """What the engine ignores, or does in another form, is named in headers and the log."""
    answer = speak(server, instructions="Whisper.", seed=3, speed=9, stream=True)

    assert set(answer.headers["x-voicebox-ignored"].split(", ")) == {"instructions", "seed", "stream"}
    assert answer.headers["x-voicebox-mapped"] == "speed=9->4"
    assert answer.headers["x-voicebox-engine"] == "espeak"


@pytest.mark.parametrize("body", [{"model": "alloy"}, {"model": "tts-1", "voice": ""}, {"model": "tts-1", "voice": "ALLOY"},
                                  {"model": "espeak", "voice": "alloy"}])  # fmt: skip
def test_spellings_of_a_voice(server: Server, body: dict[str, str]) -> None:
    """A model that names a voice, an empty voice, another case, the engine's own model: all speak with the
    same voice.
    """
    answer = httpx.post(
        f"{server.base_url}/audio/speech", json={"input": TEXT, "response_format": "pcm", **body}
    )
    alloy = pcm(server)

    assert answer.headers["x-voicebox-voice"] == "en-us"
    assert timbre_distance(decoded(answer.content, "pcm"), alloy) < 1.5
    assert same_words(decoded(answer.content, "pcm"), alloy)


def test_engines_own_voices(server: Server) -> None:
    """An engine's own voices are found by their names, with or without the engine's name before them."""
    text = "Guten Tag, meine Damen und Herren, wie geht es Ihnen heute?"
    german = pcm(server, text, voice="de")

    assert same_words(german, pcm(server, text, voice="espeak/de"))
    assert not same_words(german, pcm(server, text, voice="fr"))
    assert pitch(pcm(server, text, voice="de+f3")) > 1.4 * pitch(german)


@pytest.mark.parametrize("model", ["tone", "tts-1"])
def test_simultaneous_requests_are_not_mixed_up(server: Server, model: str) -> None:
    """Each of many simultaneous answers has its own voice and words: to the sample where the engine is
    deterministic.
    """
    jobs = [
        (VOICES[number % 13], f"This is request number {number}. {'And another word. ' * (number % 4)}")
        for number in range(26)
    ]

    def one(job: tuple[str, str]) -> bytes:
        return speak(server, job[1], model=model, voice=job[0], response_format="pcm").content

    alone = [one(job) for job in jobs]
    with ThreadPoolExecutor(13) as pool:
        together = list(pool.map(one, jobs))

    if model == "tone":
        assert together == alone
        assert len(set(alone)) == len(alone)
    for first, second in zip(alone, together, strict=True):
        assert same_words(decoded(first, "pcm"), decoded(second, "pcm"))
        assert timbre_distance(decoded(first, "pcm"), decoded(second, "pcm")) < 2


@pytest.mark.parametrize("text", ["...", " \n ", "\x00", "¿?"])
def test_texts_that_say_nothing(server: Server, text: str) -> None:
    """A text with nothing to speak is a whole file of a moment of silence; only one without any character is an
    error.
    """
    answer = speak(server, text, response_format="wav")

    assert answer.status_code == 200, answer.text
    assert answer.content[:4] == b"RIFF"
    samples = decoded(answer.content, "wav")
    assert 0 < len(samples) <= RATE
    assert loudness(samples) == 0
    assert speak(server, "", response_format="wav").status_code == 400


@pytest.mark.parametrize(
    ("text", "least"),
    [("🎉", 0.5), ("a" * 3000, 60), ("你好。" * 300, 100), ("สวัสดี" * 200, 60), ("مرحبا. " * 50, 25)],
)
def test_odd_texts(server: Server, text: str, least: float) -> None:
    """A text without words of the voice's language is a whole file that is heard, also in its second half."""
    answer = speak(server, text, response_format="wav")

    assert answer.status_code == 200, answer.text
    assert answer.content[:4] == b"RIFF"
    samples = decoded(answer.content, "wav")
    assert len(samples) / RATE >= least
    for part in np.array_split(samples, 2):
        assert loudness(part) > 0.01


def test_longer_than_openai_allows(server: Server) -> None:
    """5,000 characters, beyond OpenAI's 4,096, are spoken to the end."""
    half = pcm(server, "The quick brown fox jumps over the lazy dog. " * 55)
    whole = pcm(server, "The quick brown fox jumps over the lazy dog. " * 110)

    assert len(whole) / len(half) == pytest.approx(2, rel=0.02)
