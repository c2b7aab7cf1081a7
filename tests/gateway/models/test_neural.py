"""End-to-end tests of engines that run models, on tiny checkpoints: pulled by the command line, served,
called by the SDK.
"""

from __future__ import annotations

import json
import socket
import subprocess
import wave
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import httpx2 as httpx
import numpy as np
import pytest
from outputs import QUIET

pytest.importorskip("transformers")
pytest.importorskip("faster_whisper")
pytest.importorskip("kokoro")
pytest.importorskip("pocket_tts")

import published_checkpoints
import tiny_kokoro
import tiny_pocket
import tiny_whisper
from hub_server import FakeHub
from neural_server import TEXT, VOICEBOX, pcm_to_wav, serve_models, speak
from servers import EAR, TIMEOUT, Server

from engines.adapters.kokoro.engine import Kokoro
from engines.api import Place, SpeechJob

NAMES = ("whisper-tiny", "faster-whisper-tiny", "kokoro", "pocket-tts-english")
SPOKEN = ["hello", "count", "morgen"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run a server with all of these models."""
    folder = tmp_path_factory.mktemp("neural")

    def publish(hub: FakeHub) -> None:
        published_checkpoints.publish_whisper(hub, folder)
        published_checkpoints.publish_kokoro(hub)
        published_checkpoints.publish_pocket(hub)

    with serve_models(folder, NAMES, publish) as started:
        yield started


def wav(name: str, seconds: float = 2.0) -> bytes:
    """Return a WAV file of a sound that the tiny Whisper knows."""
    return pcm_to_wav(
        tiny_whisper.silence(0.5) + tiny_whisper.sound(name, seconds) + tiny_whisper.silence(0.5),
        tiny_whisper.RATE,
    )


@pytest.mark.parametrize("model", ["whisper-tiny", "faster-whisper-tiny"])
def test_transcripts_in_detail(server: Server, model: str) -> None:
    """The verbose answer has language, duration, segments and words with their times; a stream has the same
    text.
    """
    sdk = server.sdk()
    verbose = sdk.audio.transcriptions.create(
        model=model,
        file=("a.wav", wav("morgen")),
        response_format="verbose_json",
        timestamp_granularities=["word", "segment"],
    )
    with sdk.audio.transcriptions.create(model=model, file=("a.wav", wav("morgen")), stream=True) as stream:
        events = [event.type for event in stream]
    with pytest.deprecated_call():  # OpenAI has deprecated it, not ended it
        english = sdk.audio.translations.create(model=model, file=("a.wav", wav("morgen")))

    assert verbose.language == "german"
    assert verbose.duration == pytest.approx(3, abs=0.05)
    assert verbose.segments and verbose.words
    assert [word.word for word in verbose.words] == tiny_whisper.TRANSCRIPTS["morgen"].rstrip(".").split()
    assert 0 <= verbose.segments[0].start < 0.8
    assert all(0 <= word.start <= word.end <= 3 for word in verbose.words)
    assert events[-1] == "transcript.text.done"
    assert english.text == tiny_whisper.TRANSLATIONS["morgen"]


@pytest.mark.parametrize("model", ["whisper-tiny", "faster-whisper-tiny", "gpt-4o-transcribe"])
def test_log_probabilities(server: Server, model: str) -> None:
    """Requested log-probabilities are returned, whole and streamed: their tokens are the text, each at most
    zero.
    """
    sdk, sound = server.sdk(), ("a.wav", wav("hello"))
    transcript = sdk.audio.transcriptions.create(model=model, file=sound, include=["logprobs"])
    with sdk.audio.transcriptions.create(
        model=model, file=sound, include=["logprobs"], stream=True
    ) as stream:
        events = list(stream)
    deltas = [event for event in events if event.type == "transcript.text.delta"]
    plain = sdk.audio.transcriptions.create(model=model, file=sound)

    assert transcript.logprobs and plain.logprobs is None
    assert all(one.logprob is not None and one.logprob <= 0 for one in transcript.logprobs)
    assert (
        bytes(int(byte) for one in transcript.logprobs for byte in one.bytes or ()).decode()
        == transcript.text
    )
    assert "".join(event.delta for event in deltas) == transcript.text
    assert [one.token for event in deltas for one in event.logprobs or ()] == [
        one.token for one in transcript.logprobs
    ]
    assert events[-1].type == "transcript.text.done"
    assert len(events[-1].logprobs or ()) == len(transcript.logprobs)


def test_silence_has_no_transcript(server: Server) -> None:
    """A silent recording gives no text."""
    silent = pcm_to_wav(tiny_whisper.silence(4), tiny_whisper.RATE)

    assert server.sdk().audio.transcriptions.create(model="whisper-1", file=("a.wav", silent)).text == ""


@pytest.mark.parametrize(("model", "voice"), [("kokoro", "af_bella"), ("pocket-tts-english", "marius")])
def test_a_seed_repeats_the_audio(server: Server, model: str, voice: str) -> None:
    """The same seed gives the same audio; another text, another voice or another seed gives other audio."""
    first, again = (speak(server, model, voice=voice, seed=11) for _ in range(2))

    assert len(first) > 1000
    assert np.array_equal(first, again)
    assert not np.array_equal(first, speak(server, model, "Good night, my friend.", voice, seed=11))
    assert not np.array_equal(first, speak(server, model, voice="alloy", seed=11))
    assert not np.array_equal(first, speak(server, model, voice=voice, seed=12))


def test_audio_is_the_engines_own(server: Server) -> None:
    """Kokoro's audio through the gateway is as long as its engine's and alike in shape; Pocket TTS's too."""
    kokoro = Kokoro(path=str(tiny_kokoro.folder(real=True)))
    kokoro.load(Place(device="cpu"), QUIET)
    for model, voice, own in (
        ("kokoro", "af_bella", tiny_kokoro.speak(SpeechJob(TEXT, "af_bella", seed=11), kokoro).pcm),
        ("pocket-tts-english", "marius", tiny_pocket.speak(SpeechJob(TEXT, "marius", seed=11))),
    ):
        transcript = speak(server, model, voice=voice, seed=11)
        count = min(len(own), len(transcript)) - 2000  # its end is faded
        assert abs(len(transcript) - len(own)) < 2400, model
        assert float(np.corrcoef(transcript[:count].astype(float), own[:count].astype(float))[0, 1]) > 0.95, (
            model
        )


def test_the_best_engine_serves_openais_names(server: Server) -> None:
    """OpenAI's model and voice names are served by the best engine available; a header names it."""
    answer = server.sdk().audio.speech.with_raw_response.create(model="tts-1", input=TEXT, voice="nova")

    assert answer.headers["x-voicebox-engine"] == "kokoro"
    assert answer.content[:1] == b"\xff"


def test_a_cloned_voice(server: Server) -> None:
    """A voice that the SDK cloned from a recording speaks through Pocket TTS, and differs from another;
    Kokoro refuses it with the reason.
    """
    spoken = {}
    for name, sound in (("low", "hello"), ("high", "count")):
        answer = httpx.post(
            f"{server.base_url}/audio/voices",
            data={"name": name, "transcript": "Some words."},
            files={"audio_sample": ("a.wav", wav(sound, 6), "audio/wav")},
            timeout=TIMEOUT,
        )
        assert answer.status_code == 200, answer.text
        spoken[name] = speak(server, "pocket-tts-english", voice={"id": answer.json()["id"]}, seed=3)
        assert np.array_equal(spoken[name], speak(server, "tts-1", voice=name, seed=3))

    assert not np.array_equal(spoken["low"], spoken["high"])
    refused = httpx.post(
        f"{server.base_url}/audio/speech",
        json={"model": "kokoro", "input": "x", "voice": "low"},
        timeout=TIMEOUT,
    )
    assert refused.status_code == 400
    assert "pocket-tts-english" in refused.json()["error"]["message"]


def test_voices_are_mixed(server: Server) -> None:
    """Kokoro speaks a mixture of two voices, which sounds like neither of them."""
    one, other, mixed = (
        speak(server, "kokoro", voice=voice, seed=1)
        for voice in ("af_bella", "am_michael", "af_bella(2)+am_michael(1)")
    )

    assert not np.array_equal(mixed, one)
    assert not np.array_equal(mixed, other)


@pytest.mark.skipif(
    not all(map(find_spec, ("fugashi", "jaconv", "mojimoji", "unidic_lite"))),
    reason="Kokoro has no Japanese here",
)
def test_japanese(server: Server) -> None:
    """A Japanese voice speaks Japanese: the same text is the same audio, another is not, and a longer text
    lasts longer.
    """
    first, again, other, long = (
        speak(server, "kokoro", text, "jf_alpha", seed=7)
        for text in (
            "今日は良い天気ですね。",
            "今日は良い天気ですね。",
            "明日は雨が降ります。",
            "今日は良い天気ですね。" * 8,
        )
    )

    assert len(first) > 1000
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert len(long) > 5 * len(first)


def test_the_command_line(server: Server, tmp_path: Path) -> None:
    """`voicebox say` and `voicebox transcribe` use the models of the running server."""
    sound, spoken = tmp_path / "a.wav", tmp_path / "b.wav"
    sound.write_bytes(wav("count"))
    url = ["--url", server.url]
    transcript = subprocess.run(
        [*VOICEBOX, "transcribe", str(sound), "--model", "faster-whisper-tiny", *url],
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
    )
    say = subprocess.run(
        [*VOICEBOX, "say", TEXT, "--model", "kokoro", "--voice", "bf_emma", "-o", str(spoken), *url],
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
    )

    assert (transcript.returncode, transcript.stdout.strip()) == (0, tiny_whisper.TRANSCRIPTS["count"]), (
        transcript.stderr
    )
    assert say.returncode == 0, say.stderr
    with wave.open(str(spoken)) as file:
        assert file.getnframes() > 1000


def test_the_command_line_without_a_server(server: Server, tmp_path: Path) -> None:
    """Without a server a command uses the user's models, and what is known of them, and leaves no key behind;
    loading a model in a server needs one.
    """
    others = {name: {"enabled": False} for name in NAMES if name != "faster-whisper-tiny"}
    models = {"folder": str(server.folder.parent / "hub"), "each": others}
    config, sound, data = tmp_path / "config.yaml", tmp_path / "a.wav", tmp_path / "data"
    config.write_text(json.dumps({"data_dir": str(data), "models": models}))
    sound.write_bytes(wav("count"))
    with socket.socket() as occupied:  # bound and not listening: nobody answers there
        occupied.bind(("127.0.0.1", 0))
        where = ["--config", str(config), "--url", f"http://127.0.0.1:{occupied.getsockname()[1]}"]
        transcript, loaded = (
            subprocess.run([*VOICEBOX, *command, *where], capture_output=True, text=True, timeout=2 * TIMEOUT)
            for command in (
                ["transcribe", str(sound), "--model", "faster-whisper-tiny"],
                ["models", "load", "faster-whisper-tiny"],
            )
        )

    assert (transcript.returncode, transcript.stdout.strip()) == (0, tiny_whisper.TRANSCRIPTS["count"]), (
        transcript.stderr
    )
    learned = {path.name for path in (data / "models").iterdir()} - {f"{EAR}.json"}
    assert learned == {"faster-whisper-tiny.json"}
    assert not (data / "keys.json").exists()
    assert loaded.returncode == 3
    assert "no server answers" in loaded.stderr


def test_models_are_unloaded_and_loaded(server: Server) -> None:
    """An unloaded model has no worker; a request loads it again, with the same audio as before."""
    before = speak(server, "kokoro", voice="af_bella", seed=5)
    assert httpx.post(f"{server.base_url}/voicebox/models/kokoro/unload", timeout=TIMEOUT).status_code == 200
    listed = httpx.get(f"{server.base_url}/voicebox/models/kokoro", timeout=TIMEOUT).json()
    assert listed["state"] == "resting"
    assert httpx.get(f"{server.url}/readyz", timeout=TIMEOUT).status_code == 200
    assert np.array_equal(before, speak(server, "kokoro", voice="af_bella", seed=5))
    assert httpx.get(f"{server.base_url}/voicebox/models/kokoro", timeout=TIMEOUT).json()["state"] == "ready"
