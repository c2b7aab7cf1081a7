"""Tests of the full installation as it comes: a natural voice and a better ear, with eSpeak behind them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import openai
import pytest
from servers import Server, running
from word_error_rate import plain_words

SENTENCE = "Change the base URL, nothing else."
JFK = Path(__file__).parents[2] / "data" / "jfk.flac"
JFK_WORDS = (
    "and so my fellow americans ask not what your country can do for you ask what you can do for your country"
)


@pytest.fixture(scope="module")
def natural(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run a server with default settings."""
    with running(tmp_path_factory.mktemp("natural"), natural=True) as server:
        yield server


def say(server: Server, text: str, **more: object) -> httpx.Response:
    """Ask for speech, alloy's unless another voice is named."""
    body = {"model": "tts-1", "voice": "alloy", "input": text, "response_format": "pcm", **more}
    return httpx.post(f"{server.base_url}/audio/speech", json=body, timeout=60)


def test_what_it_says_it_understands(natural: Server, tmp_path: Path) -> None:
    """The SDK's speech, transcribed by the same server, has no wrong word; nor has a recording of a person."""
    client = natural.sdk()
    spoken = tmp_path / "speech.mp3"
    with client.audio.speech.with_streaming_response.create(
        model="tts-1", voice="alloy", input=SENTENCE
    ) as response:
        response.stream_to_file(spoken)

    for recording, words in ((spoken, SENTENCE), (JFK, JFK_WORDS)):
        transcript = client.audio.transcriptions.create(model="whisper-1", file=recording)
        assert plain_words(transcript.text) == plain_words(words)
    lines = natural.requests()
    assert {line["engine"] for line in lines if line.get("engine")} >= {"hibari", "faster-whisper-tiny.en"}


def test_english_is_its_own_translation(natural: Server) -> None:
    """An ear that knows only English translates English speech by its transcript."""
    answer = httpx.post(
        f"{natural.base_url}/audio/translations",
        files={"file": JFK.read_bytes()},
        data={"model": "whisper-1"},
        timeout=60,
    )

    assert plain_words(answer.json()["text"]) == plain_words(JFK_WORDS)


def test_silence_is_not_heard_as_words(natural: Server) -> None:
    """Digital silence gives an empty transcript, since nothing is transcribed that is not speech."""
    silence = ("silence.wav", wav(bytes(2 * 16_000 * 3)), "audio/wav")
    transcript = natural.sdk().audio.transcriptions.create(model="whisper-1", file=silence)

    assert transcript.text == ""


def test_another_language_is_never_heard_as_english(natural: Server) -> None:
    """A language that no engine here knows is refused with the command that brings one which does."""
    with pytest.raises(openai.BadRequestError, match=r"voicebox models pull faster-whisper") as refused:
        natural.sdk().audio.transcriptions.create(model="whisper-1", file=JFK, language="de")

    assert refused.value.param == "language"


@pytest.mark.parametrize(
    ("text", "language"),
    [("Guten Tag, wie geht es Ihnen heute?", "de"), ("早上好,你好吗?", "zh"), ("Доброе утро", "ru")],
)
def test_openai_names_speak_other_languages(natural: Server, text: str, language: str) -> None:
    """A text in another language is spoken by an engine that knows it, and the headers say so."""
    answer = say(natural, text)

    assert answer.status_code == 200
    assert answer.headers["x-voicebox-engine"] == "espeak"
    assert answer.headers["x-voicebox-language"] == language
    assert answer.headers["x-voicebox-mapped"].startswith("voice=alloy->espeak/")
    assert len(answer.content) > 24_000


def test_the_language_asked_for_counts(natural: Server) -> None:
    """What the caller says of the text's language goes over what is found in it."""
    german = say(natural, "Hand", language="de")
    english = say(natural, "Hallo, wie geht es dir heute", language="en")

    assert (german.headers["x-voicebox-engine"], english.headers["x-voicebox-engine"]) == ("espeak", "hibari")
    assert "x-voicebox-ignored" not in english.headers


def test_what_a_voice_cannot_read_is_told(natural: Server) -> None:
    """Words in another script amid English are named; a text of nothing else is refused where the engine is
    named.
    """
    mixed = say(natural, "Look at Привет here, please, my friend.")
    refused = say(natural, "Привет", model="hibari")

    assert mixed.headers["x-voicebox-ignored"] == "input in Cyrillic"
    assert refused.status_code == 400
    assert "reads Latin only" in refused.json()["error"]["message"]


def test_detection_can_be_switched_off(tmp_path: Path) -> None:
    """Without detection a text is taken as English unless its language is named."""
    config = {"speech": {"detect_language": False}}
    with running(tmp_path, config, natural=True) as server:
        plain = say(server, "Guten Tag, wie geht es Ihnen heute?")
        named = say(server, "Guten Tag, wie geht es Ihnen heute?", language="de")

    assert (plain.headers["x-voicebox-engine"], named.headers["x-voicebox-engine"]) == ("hibari", "espeak")


def wav(pcm: bytes) -> bytes:
    """Return a WAV file of 16 kHz."""
    import io
    import wave

    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(16_000)
        writer.writeframes(pcm)
    return file.getvalue()
