"""End-to-end tests of transcription: a real recording, every container and format, the SDK and bare
multipart.
"""

from __future__ import annotations

import base64
import io
import json
import re
import struct
import wave
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

import av
import httpx
import numpy as np
import openai
import pytest
from servers import Server

JFK = Path(__file__).parents[2] / "data" / "jfk.flac"
TRANSCRIPT = (
    "and so my fellow americans ask not what your country can do for you ask what you can do for your country"
)


def client(server: Server) -> openai.OpenAI:
    return server.sdk(strict=True)


def word_error_rate(reference: str, transcript: str) -> float:
    """Count the edits between two texts, per word of the reference (Levenshtein over words)."""
    one, transcribed = reference.split(), re.sub(r"[^\w\s']", "", transcript.lower()).split()
    row = list(range(len(transcribed) + 1))
    for number, word in enumerate(one, 1):
        previous, row[0] = row[0], number
        for column, transcribed_word in enumerate(transcribed, 1):
            previous, row[column] = (
                row[column],
                min(row[column] + 1, row[column - 1] + 1, previous + (word != transcribed_word)),
            )
    return row[-1] / len(one)


@pytest.fixture(scope="module")
def clip() -> bytes:
    """Three words of the recording, "my fellow Americans", as a 16 kHz WAV: quick to transcribe."""
    return wav(phrase())


@pytest.fixture(scope="module")
def words(server: Server, clip: bytes) -> str:
    """What is transcribed of the clip."""
    return str(send(server, clip).json()["text"])


def phrase() -> np.ndarray:
    """Return the samples of the clip."""
    return samples()[round(0.8 * 16000) : round(2.4 * 16000)]


@lru_cache(1)
def samples() -> np.ndarray:
    with av.open(str(JFK)) as container:
        resampler = av.AudioResampler("s16", "mono", 16000)
        parts = [
            part.to_ndarray()[0] for frame in container.decode(audio=0) for part in resampler.resample(frame)
        ]
    return np.concatenate(parts)


def wav(pcm: np.ndarray, rate: int = 16000) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(pcm.astype("<i2").tobytes())
    return file.getvalue()


def coded(pcm: np.ndarray, container: str, codec: str, rate: int) -> bytes:
    """Encode with FFmpeg as a recorder would."""
    file = io.BytesIO()
    with av.open(file, "w", format=container) as out:
        stream = cast(av.AudioStream, out.add_stream(codec, rate=rate, layout="mono"))
        frame = av.AudioFrame.from_ndarray(pcm[None].astype("<i2"), "s16", "mono")
        frame.sample_rate = 16000
        resampler = av.AudioResampler(stream.format, "mono", rate, frame_size=stream.frame_size or None)
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            piece.pts = None
            out.mux(stream.encode(piece))
        out.mux(stream.encode(None))
    return file.getvalue()


def send(
    server: Server, file: bytes, name: str = "a.wav", route: str = "transcriptions", **fields: Any
) -> httpx.Response:
    data = {"model": "whisper-1", **fields}
    return httpx.post(f"{server.base_url}/audio/{route}", files={"file": (name, file)}, data=data, timeout=60)


def test_a_real_recording(server: Server) -> None:
    """Kennedy's sentence comes back, through the SDK, with a word error rate of 40 % at most (the embedded
    engine is rough).
    """
    with JFK.open("rb") as file:
        answer = client(server).audio.transcriptions.create(model="whisper-1", file=file)

    assert word_error_rate(TRANSCRIPT, answer.text) <= 0.4
    assert "country" in answer.text


@pytest.mark.parametrize(
    ("container", "codec", "rate"),
    [("mp3", "libmp3lame", 16000), ("ipod", "aac", 16000), ("webm", "libopus", 48000), ("ogg", "libopus", 48000),
     ("flac", "flac", 16000), ("adts", "aac", 16000)],
)  # fmt: skip
def test_any_container(server: Server, container: str, codec: str, rate: int) -> None:
    """Whatever FFmpeg reads is transcribed, whatever the file is named."""
    answer = send(server, coded(samples()[: 3 * 16000], container, codec, rate), name="file")

    assert answer.status_code == 200, answer.text
    assert "america" in answer.json()["text"]


def test_streamed_wav_with_open_sizes(server: Server, clip: bytes, words: str) -> None:
    """A WAV whose sizes were never filled in, such as our and OpenAI's streamed speech, is read to its end."""
    broken = clip[:4] + struct.pack("<I", 0xFFFFFFFF) + clip[8:40] + struct.pack("<I", 0xFFFFFFFF) + clip[44:]

    assert send(server, broken).json()["text"] == words


def test_json_and_text(server: Server, clip: bytes) -> None:
    """`json` includes the usage; `text` is the text and one newline, as plain text."""
    answer, text = send(server, clip), send(server, clip, response_format="text")

    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    assert answer.json()["usage"] == {"type": "duration", "seconds": 2}
    assert text.headers["content-type"] == "text/plain; charset=utf-8"
    assert text.text == answer.json()["text"] + "\n"
    assert send(server, clip, model="gpt-4o-transcribe").json()["usage"]["type"] == "tokens"


def test_subtitles(server: Server, clip: bytes) -> None:
    """srt and vtt are plain text in exactly their formats."""
    srt, vtt = send(server, clip, response_format="srt"), send(server, clip, response_format="vtt")

    assert srt.headers["content-type"] == vtt.headers["content-type"] == "text/plain; charset=utf-8"
    assert re.fullmatch(r"(\d+\n\d\d:\d\d:\d\d,\d{3} --> \d\d:\d\d:\d\d,\d{3}\n\S[^\n]*\n\n)+\n", srt.text)
    assert re.fullmatch(
        r"WEBVTT\n\n(\d\d:\d\d:\d\d\.\d{3} --> \d\d:\d\d:\d\d\.\d{3}\n\S[^\n]*\n\n)+", vtt.text
    )


@pytest.mark.parametrize("asked", [None, ["word"], ["segment"], ["word", "segment"]])
def test_verbose_json(server: Server, clip: bytes, asked: list[str] | None) -> None:
    """`verbose_json` passes the SDK's strict validation, and has the requested granularities and no others."""
    extra: dict[str, Any] = {"timestamp_granularities": asked} if asked else {}
    answer = client(server).audio.transcriptions.create(
        model="whisper-1", file=("a.wav", clip), response_format="verbose_json", language="en", **extra
    )

    assert answer.language == "english"
    assert answer.duration == pytest.approx(1.6, abs=0.02)
    assert (answer.segments is not None) == (asked is None or "segment" in asked)
    assert (answer.words is not None) == (asked is not None and "word" in asked)
    for segment in answer.segments or []:
        assert segment.text.startswith(" ")
        assert 0 <= segment.start < segment.end <= 1.7
    times = [moment for word in answer.words or [] for moment in (word.start, word.end)]
    assert times == sorted(times)


def test_streamed_events(server: Server, clip: bytes, words: str) -> None:
    """`stream=true` gives deltas that add up to the text, then done, through the SDK."""
    with client(server).audio.transcriptions.create(
        model="gpt-4o-transcribe", file=("a.wav", clip), stream=True
    ) as stream:
        events = list(stream)

    assert [event.type for event in events[-2:]] == ["transcript.text.delta", "transcript.text.done"]
    assert "".join(event.delta for event in events if event.type == "transcript.text.delta") == words
    assert events[-1].text == words  # type: ignore[union-attr]


def test_the_bytes_of_a_stream(server: Server, clip: bytes) -> None:
    """The stream is data lines only, each with an empty line behind it, and [DONE] at the end."""
    answer = send(server, clip, stream="true")
    records = answer.content.split(b"\r\n\r\n")

    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert records[-2:] == [b"data: [DONE]", b""]
    assert all(record.startswith(b"data: ") for record in records[:-1])


def test_silence(server: Server) -> None:
    """Silence has an empty transcript, which is no error."""
    answer = send(server, wav(np.zeros(32000)))

    assert answer.status_code == 200
    assert answer.json()["text"] == ""
    assert send(server, wav(np.zeros(32000)), response_format="verbose_json").json()["segments"] == []


@pytest.mark.parametrize(
    ("file", "status", "message"),
    [(b"", 400, ""), (b"garbage" * 500, 400, "could not be decoded"), (bytes(range(256)) * 40, 400, "could not be decoded"),
     (wav(np.zeros(800)), 400, "too short"), (b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", 400, "could not be decoded")],
    ids=["empty", "garbage", "bytes", "short", "playlist"],
)  # fmt: skip
def test_files_that_are_no_recording(server: Server, file: bytes, status: int, message: str) -> None:
    """A file that cannot be decoded is a quick 400 that says so, plain and streamed."""
    for stream in ("false", "true"):
        answer = send(server, file, stream=stream)

        assert answer.status_code == status
        assert message in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("fields", "status", "param", "message"),
    [
        ({"model": ""}, 400, None, "you must provide a model"),
        ({"model": "no-such"}, 404, None, "does not exist"),
        ({"model": "tts-1"}, 404, None, "Invalid URL (POST /v1/audio/transcriptions)"),
        ({"response_format": "docx"}, 400, None, "response_format"),
        ({"response_format": "diarized_json"}, 400, "response_format", "not compatible"),
        ({"model": "gpt-4o-transcribe-diarize"}, 400, "model", "speakers"),
        ({"language": "de"}, 400, "language", "de"),
        ({"language": "klingon"}, 400, "language", "ISO-639-1"),
        ({"language": "kr"}, 400, "language", "'ko'"),
        ({"language": "nb-NO"}, 400, "language", "'no'"),
        ({"temperature": "2"}, 400, None, "temperature"),
        ({"timestamp_granularities[]": "letter"}, 400, None, "timestamp_granularities"),
        ({"model": "openai/tts-1"}, 404, None, "does not transcribe"),
        ({"model": "openai/gpt-4o-transcribe-diarize"}, 400, "model", "speakers"),
        (
            {"model": "gpt-4o-transcribe-diarize", "response_format": "diarized_json"},
            400,
            "model",
            "speakers",
        ),
    ],
)
def test_refusals(
    server: Server, clip: bytes, fields: dict[str, str], status: int, param: str | None, message: str
) -> None:
    """An invalid parameter, or one that the engine cannot serve, is refused in the envelope."""
    answer = send(server, clip, **fields)

    assert answer.status_code == status, answer.text
    assert answer.json()["error"]["param"] == param
    assert message in answer.json()["error"]["message"]


def test_no_file(server: Server) -> None:
    """Without a file the answer is a 400 that names it."""
    answer = httpx.post(f"{server.base_url}/audio/transcriptions", files={"model": (None, "whisper-1")})

    assert answer.status_code == 400
    assert "'file'" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    "fields",
    [{"language": ""}, {"language": "auto"}, {"language": "en-US"}, {"language": "eng"}, {"prompt": ""}, {"temperature": ""},
     {"vad_filter": "false"}, {"chunking_strategy": "auto"}, {"chunking_strategy": '{"type":"server_vad"}'},
     {"chunking_strategy[type]": "server_vad"}, {"include[]": "logprobs"}, {"timestamp_granularities": "word"}],
    ids=str,
)  # fmt: skip
def test_harmless_extra_fields(server: Server, clip: bytes, fields: dict[str, str]) -> None:
    """Empty values, tags, unknown fields and OpenAI's own options that have no meaning here are no errors."""
    plain = send(server, clip, model="tone").json()
    answer = send(server, clip, model="tone", **fields)

    assert answer.status_code == 200, answer.text
    assert answer.json() == plain


@pytest.mark.parametrize(
    ("model", "response_format"),
    [("whisper-1", "json"), ("gpt-4o-transcribe", "json"), ("gpt-4o-transcribe", "text"), ("gpt-transcribe", "srt"), ("base", "vtt"),
     ("tone", "verbose_json")],
)  # fmt: skip
def test_log_probabilities_that_cannot_be_had(
    server: Server, clip: bytes, model: str, response_format: str
) -> None:
    """They are left out and named in a header, whatever the model and the format: no request fails for them."""
    fields = {"model": model, "response_format": response_format, "include[0]": "logprobs"}
    short = clip[:20_000]
    for answer in (send(server, short, **fields), send(server, short, stream="true", **fields)):
        assert answer.status_code == 200, answer.text
        assert answer.headers["x-voicebox-ignored"] == "include"
        assert "logprobs" not in answer.text


def test_words_asked_by_number(server: Server, clip: bytes) -> None:
    """Words come with a list that PHP or qs has written, as they do with brackets."""
    fields = {"model": "tone", "response_format": "verbose_json"}
    plain = send(server, clip, **fields, **{"timestamp_granularities[]": "word"}).json()
    numbered = send(server, clip, **fields, **{"timestamp_granularities[0]": "word"})

    assert numbered.json()["words"] == plain["words"]
    assert "x-voicebox-ignored" not in numbered.headers


def test_ignored_options_are_named(server: Server, clip: bytes) -> None:
    """Options without effect are named in a header."""
    answer = send(server, clip, prompt="Names: Kennedy", temperature="0.5", vad_filter="true")

    assert set(answer.headers["x-voicebox-ignored"].split(", ")) == {"prompt", "temperature", "vad_filter"}


def test_json_request(server: Server, clip: bytes, words: str) -> None:
    """JSON with the recording in base64, as Open WebUI sends it, is accepted."""
    body = {
        "model": "whisper-1",
        "input_audio": {"data": base64.b64encode(clip).decode(), "format": "wav"},
        "language": "en",
    }
    answer = httpx.post(f"{server.base_url}/audio/transcriptions", json=body, timeout=60)

    assert answer.json()["text"] == words


def test_chunked_upload_with_the_file_first(server: Server, clip: bytes, words: str) -> None:
    """A chunked upload with the file first and no length, as Node's SDK sends it, is accepted."""

    def body() -> Any:
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="blob"\r\n\r\n'
        for start in range(0, len(clip), 10_000):
            yield clip[start : start + 10_000]
        yield b'\r\n--x\r\nContent-Disposition: form-data; name="model"\r\n\r\nwhisper-1\r\n--x--\r\n'

    headers = {"content-type": "multipart/form-data; boundary=x"}
    answer = httpx.post(
        f"{server.base_url}/audio/transcriptions", content=body(), headers=headers, timeout=60
    )

    assert answer.json()["text"] == words


def test_translations(server: Server, clip: bytes, words: str) -> None:
    """Translations have their own response shapes; for English speech the text is the transcript."""
    with pytest.warns(DeprecationWarning):
        answer = client(server).audio.translations.create(model="whisper-1", file=("a.wav", clip))
    verbose = send(server, clip, route="translations", response_format="verbose_json").json()

    assert answer.text == words
    assert (verbose["task"], verbose["language"]) == ("translate", "english")
    assert "words" not in verbose
    assert json.dumps(verbose)
